//! The API key: read from where nobody else looks, and never printed.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ureq::http::HeaderValue;

use crate::error::{Failure, Kind};
use crate::text::{one_line, shell_quoted};

/// The variable that every client of the service reads.
pub const VARIABLE: &str = "ELEVENLABS_API_KEY";

/// More than any key has; a file that is longer is another file.
const LONGEST: usize = 1024;

/// An API key. It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Key {
    /// The key in a variable; `None` when that is missing or empty.
    ///
    /// # Errors
    /// `Key` for text that no key can be.
    #[must_use]
    pub fn of_variable(value: Option<&OsStr>) -> Option<Result<Self, Failure>> {
        let bytes = value?.as_encoded_bytes();
        (!bytes.is_empty()).then(|| Self::checked(bytes, VARIABLE))
    }

    /// The key in a file, or on standard input for `-`.
    ///
    /// # Errors
    /// `Key` when it cannot be read, when others can read it, or when it is no key.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let unreadable = |error: &io::Error| Failure {
            kind: Kind::Key,
            hint: "--api-key-file wants a file with the key and nothing else in it".into(),
            ..Failure::reading(error).about(&name)
        };
        let mut bytes = Vec::new();
        let from: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let file = File::open(path).map_err(|error| unreadable(&error))?;
            private(&file, path)?;
            Box::new(file)
        };
        from.take(LONGEST as u64 + 2).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        Self::checked(&bytes, if path == Path::new("-") { "standard input" } else { &name })
    }

    fn checked(bytes: &[u8], origin: &str) -> Result<Self, Failure> {
        let bytes = bytes.trim_ascii();
        let what = if bytes.is_empty() {
            "it is empty"
        } else if bytes.len() > LONGEST {
            "it is far too long"
        } else if bytes.iter().any(u8::is_ascii_whitespace) {
            "there is white space inside"
        } else if !bytes.iter().all(u8::is_ascii_graphic) {
            "it has characters that no key has"
        } else {
            return Ok(Self(bytes.iter().copied().map(char::from).collect()));
        };
        Err(Failure::new(
            Kind::Key,
            format!("what {origin} holds cannot be an API key: {what}"),
            "copy the key again from your ElevenLabs account, under Settings, API keys",
        ))
    }

    /// The key as the value of its header, marked as one that is not to be shown.
    ///
    /// # Errors
    /// `Internal`; every key that was accepted is a header value.
    pub(super) fn header(&self) -> Result<HeaderValue, Failure> {
        let mut value = HeaderValue::from_str(&self.0)
            .map_err(|_| Failure::internal("an accepted API key does not fit into a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A stranger's text on one line and no longer than `limit` characters. Where it echoes the key, that is
    /// left out, also when characters in between that cannot be shown have hidden it.
    pub(super) fn quoted(&self, text: &str, limit: usize) -> String {
        let line = one_line(text, usize::MAX);
        // What is shorter is no real key, and would be found in any text.
        let line = if self.0.len() >= 8 { line.replace(&self.0, "[key]") } else { line };
        one_line(&line, limit)
    }
}

/// Refuses a key file that others can read. Pipes have no such thing (`--api-key-file <(pass show eleven)`).
#[cfg(unix)]
fn private(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let meta = file.metadata().map_err(|error| Failure::reading(&error))?;
    if meta.is_file() && meta.permissions().mode() & 0o077 != 0 {
        return Err(Failure::new(
            Kind::Key,
            format!("{}: other users of this machine can read this key", path.display()),
            format!("chmod 600 {}", shell_quoted(path)),
        ));
    }
    Ok(())
}

/// Elsewhere permissions are not modes.
#[cfg(not(unix))]
fn private(_: &File, _: &Path) -> Result<(), Failure> {
    Ok(())
}
