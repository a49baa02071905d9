
'use strict';
(() => {
  // How fast one side gives way to the other, in seconds: too short to be missed, long enough not to click.
  const FADE = 0.004;
  const STEP = 2;

  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let context = null;
  let current = null;

  const clock = (seconds) => {
    const whole = Math.floor(seconds + 1e-6);
    const two = (value) => String(value).padStart(2, '0');
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  };

  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Both sides run at once from the same instant, and one of them is heard: so nothing has to be sought when the
  // listener switches, and not a sample is lost.
  class Player {
    constructor(root) {
      this.root = root;
      this.audio = [...root.querySelectorAll('audio')];
      this.start = Number(root.dataset.start);
      this.seconds = Number(root.dataset.seconds);
      this.side = 0;
      this.offset = 0;
      this.running = null;
      this.turn = 0;
      const label = root.getAttribute('aria-label');
      this.button = make('button', { type: 'button', className: 'play', textContent: 'Play' });
      this.sides = ['Before', 'After'].map((word) => make('button', { type: 'button', textContent: word }));
      const both = make('div', { className: 'switch', role: 'group', ariaLabel: 'What is heard' }, ...this.sides);
      this.slider = make('input', { type: 'range', min: 0, max: this.seconds, step: 0.01, value: 0 });
      this.slider.setAttribute('aria-label', `Position, ${label}`);
      this.time = make('output', {});
      for (const plain of root.querySelectorAll('.plain')) plain.hidden = true;
      root.prepend(this.button, both, this.slider, this.time);
      this.button.addEventListener('click', () => this.toggle());
      this.sides.forEach((side, at) => side.addEventListener('click', () => this.choose(at)));
      this.slider.addEventListener('input', () => this.seek(Number(this.slider.value)));
      this.sheet(root.parentElement.querySelector('.sheet'));
      this.choose(0);
    }

    sheet(sheet) {
      const [left, right, total] = ['left', 'right', 'total'].map((name) => Number(this.root.dataset[name]));
      this.playhead = sheet.querySelector('.playhead');
      this.along = (at) => left + (right - left) * Math.min((this.start + at) / total, 1);
      sheet.classList.add('live');
      sheet.addEventListener('click', (event) => {
        const box = sheet.getBoundingClientRect();
        const part = ((event.clientX - box.left) / box.width - left) / (right - left);
        if (part >= 0 && part <= 1) this.seek(part * total - this.start);
      });
    }

    get position() {
      if (!this.running) return this.offset;
      return Math.min(this.offset + Math.max(context.currentTime - this.running.since, 0), this.seconds);
    }

    async load() {
      const decode = (audio) => {
        const text = atob(audio.src.slice(audio.src.indexOf(',') + 1));
        return context.decodeAudioData(Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer);
      };
      this.buffers ??= await Promise.all(this.audio.map(decode));
    }

    async play() {
      const turn = ++this.turn;
      if (current && current !== this) {
        current.pause();
        current.buffers = null;
      }
      current = this;
      try {
        context ??= new AudioContext();
        await context.resume();
        await this.load();
      } catch {
        this.fall();
        return;
      }
      if (turn !== this.turn || current !== this) return;
      this.halt();
      if (this.offset >= this.seconds - 0.01) this.offset = 0;
      const since = context.currentTime + 0.02;
      const voices = this.buffers.map((buffer, at) => {
        const source = new AudioBufferSourceNode(context, { buffer });
        const gain = new GainNode(context, { gain: at === this.side ? 1 : 0 });
        source.connect(gain).connect(context.destination);
        source.start(since, this.offset, this.seconds - this.offset);
        return { source, gain };
      });
      this.running = { since, voices };
      this.button.textContent = 'Pause';
      this.root.dataset.state = 'playing';
      this.frame();
    }

    // Where the browser does not decode this: its own players.
    fall() {
      for (const element of [this.button, this.slider, this.time, this.sides[0].parentElement]) element.hidden = true;
      for (const plain of this.root.querySelectorAll('.plain')) plain.hidden = false;
    }

    halt() {
      for (const { source } of this.running?.voices ?? []) {
        source.stop();
        source.disconnect();
      }
      this.running = null;
    }

    pause() {
      this.turn += 1;
      this.offset = this.position;
      this.halt();
      this.button.textContent = 'Play';
      this.root.dataset.state = 'paused';
      this.show();
    }

    toggle() {
      if (this.root.dataset.state === 'playing') this.pause();
      else this.play();
    }

    choose(side) {
      this.side = side;
      this.root.dataset.side = side ? 'after' : 'before';
      this.sides.forEach((button, at) => button.setAttribute('aria-pressed', String(at === side)));
      this.running?.voices.forEach(({ gain }, at) => {
        gain.gain.setTargetAtTime(at === side ? 1 : 0, context.currentTime, FADE);
      });
      this.show();
    }

    seek(to) {
      const playing = this.running !== null;
      this.halt();
      this.offset = Math.min(Math.max(to, 0), this.seconds);
      if (playing) this.play();
      this.show();
    }

    show() {
      const at = this.position;
      this.slider.value = at;
      const text = `${clock(this.start + at)} of ${clock(this.start + this.seconds)}`;
      this.slider.setAttribute('aria-valuetext', `${text}, ${this.root.dataset.side}`);
      this.time.textContent = text;
      this.playhead.hidden = !this.root.dataset.state;
      this.playhead.style.left = `${100 * this.along(at)}%`;
    }

    frame() {
      if (!this.running) return;
      if (this.position >= this.seconds) {
        this.pause();
        this.offset = 0;
        this.show();
        return;
      }
      this.show();
      if (calm.matches) setTimeout(() => this.frame(), 250);
      else requestAnimationFrame(() => this.frame());
    }
  }

  const players = [...document.querySelectorAll('.player')].map((root) => new Player(root));
  if (!players.length) return;
  document.querySelector('.keys').hidden = false;

  const focused = () => players.find((player) => player.root.contains(document.activeElement));
  const chosen = () => focused() ?? current ?? players[0];

  const go = (by) => {
    const from = focused() ?? current;
    const to = players[from ? players.indexOf(from) + by : 0];
    if (!to) return;
    to.button.focus();
    to.root.closest('tbody').scrollIntoView({ block: 'nearest' });
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target;
    const player = chosen();
    const keys = {
      x: () => player.choose(1 - player.side),
      X: () => player.choose(1 - player.side),
      // On a button that does something, that.
      ' ': on instanceof HTMLButtonElement && on.ariaPressed !== 'true' ? null : () => player.toggle(),
      ArrowUp: () => go(-1),
      ArrowDown: () => go(1),
      ArrowLeft: () => player.seek(player.position - STEP),
      ArrowRight: () => player.seek(player.position + STEP),
    };
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
