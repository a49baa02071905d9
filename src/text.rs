//! Text for people: what others wrote made safe for a terminal or a shell, and numbers in words.

use std::path::Path;

/// Makes a text safe to print: control characters and those that reverse the direction of writing are
/// shown as escapes, so that a file name can neither break a line nor steer the terminal.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A stranger's sentence on one line: white space becomes single spaces, what would steer a terminal is
/// left out, and what is longer than `limit` characters is cut.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let mut line = String::new();
    for word in
        spaced.split(' ').map(|word| word.chars().filter(|c| !steers(*c) && !hides(*c)).collect::<String>())
    {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
    }
    if line.chars().count() > limit {
        line = line.chars().take(limit).chain(['…']).collect();
    }
    line
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character takes no room, so that a word can have it inside unseen.
fn hides(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// A path as a shell takes it, for commands in hints.
#[must_use]
pub fn shell_quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "._-/+,:@%=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.into_owned();
    }
    let start = if text.starts_with('-') { "./" } else { "" };
    format!("'{start}{}'", text.replace('\'', r"'\''"))
}

/// A number of bytes for people, in decimal units as networks and disks count.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{:.0} kB", bytes as f64 / 1e3)
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}

/// A speed as a multiple: one digit is enough above ten.
#[must_use]
pub fn times(speed: f64) -> String {
    if speed < 10.0 { format!("{speed:.1}×") } else { format!("{speed:.0}×") }
}

/// A position as people read it: `2:05`, `1:02:05`.
#[must_use]
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
