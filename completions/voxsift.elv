
use builtin;
use str;

set edit:completion:arg-completer[voxsift] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'voxsift'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'voxsift'= {
            cand --files-from 'Read the names of inputs from this file, one a line'
            cand --shard 'Take the K-th of N shares of the inputs, for N machines'
            cand --rate 'Sample rate of raw input [default: 16000]'
            cand --channels 'Channels of raw input [default: 1]'
            cand -o 'Write to this file; `-` is standard output'
            cand --output 'Write to this file; `-` is standard output'
            cand -d 'Write into this directory, which is made if missing'
            cand --output-dir 'Write into this directory, which is made if missing'
            cand --name 'Name of the output [default: {stem}.isolated.{ext}, or {stem}.{ext} under -d]'
            cand -t 'Format to write'
            cand --to 'Format to write'
            cand --spectrogram 'Draw before and after as PNG; a folder for several'
            cand --report 'Write a page with figures, pictures and players'
            cand -j 'Work on N at once [default: one a core; 2 for elevenlabs]'
            cand --jobs 'Work on N at once [default: one a core; 2 for elevenlabs]'
            cand -e 'Who does the work [default: auto]'
            cand --engine 'Who does the work [default: auto]'
            cand --model 'Neural network of the local engine [default: the best that is built in]'
            cand --attenuation-limit 'Take away at most this much noise, in dB'
            cand --file-format 'What the audio is declared to be'
            cand --split 'Send longer recordings in pieces, and join them: auto, never, or a piece''s most MINUTES'
            cand --pad 'Send shorter recordings than the service takes with silence behind them, and cut the result: auto, never'
            cand --preview 'A picture for the service''s history'
            cand --api-key-file 'Read the API key from this file'
            cand --base-url 'Where the service is [default: https://api.elevenlabs.io]'
            cand --retries 'Send a request that failed again, up to N times'
            cand --timeout 'Wait so long for the reply, and for all retries together'
            cand --connect-timeout 'Wait so long for a connection'
            cand --stall-timeout 'Give up when no byte moves for so long'
            cand --max-minutes 'Refuse to bill more minutes than this'
            cand --progress 'When to draw the progress bar'
            cand --color 'When to use colours'
            cand --generate 'Print the man page, or the completions for a shell, and do nothing else'
            cand -r 'Look into the directories below directories as well'
            cand --recursive 'Look into the directories below directories as well'
            cand -0 'Names in --files-from end with a zero byte, as `find -print0` writes them'
            cand --null 'Names in --files-from end with a zero byte, as `find -print0` writes them'
            cand --raw 'Input is headerless 16-bit little-endian samples'
            cand -f 'Replace an existing output'
            cand --force 'Replace an existing output'
            cand --skip-existing 'Do nothing when the output exists already'
            cand --fail-fast 'Begin nothing new after a failure'
            cand --resample 'Send 16 kHz mono: less, but nothing above 8 kHz'
            cand --stream 'Let the service reply while it works'
            cand --retry-lost 'Send it again also when the reply was lost after a whole upload: may be billed twice'
            cand --ignore-limits 'Send what is too large, too long or too short for the service'
            cand -n 'Say what would be done, and do nothing'
            cand --dry-run 'Say what would be done, and do nothing'
            cand --json 'Print one JSON object about each input on standard output'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
    ]
    if (str:has-prefix $words[-1] '-') {
        $completions[voxsift]
    } else {
        edit:complete-filename $@words
    }
}
