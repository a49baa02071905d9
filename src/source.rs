//! Where audio comes from: a file or standard input, as one kind of byte stream.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use symphonia::core::io::MediaSource;

use crate::error::Failure;

/// How many bytes [`Input::peek`] can look ahead: enough for two MP3 frames behind some junk.
pub const PEEK: usize = 16 * 1024;

/// Where the input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path: a file, a FIFO or a device.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// The path, unless it is standard input.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdin => None,
        }
    }

    /// Whether reading it takes away what is read: standard input, whatever it is, FIFOs and devices.
    #[must_use]
    pub fn is_pipe(&self) -> bool {
        self.path().is_none_or(is_special)
    }

    /// Opens the source for reading.
    ///
    /// # Errors
    /// `Input` when it is missing, a directory or not readable.
    pub fn open(&self) -> Result<Input, Failure> {
        let file = match self {
            Self::File(path) => File::open(path),
            Self::Stdin => stdin(),
        };
        file.and_then(Input::new).map_err(|error| Failure::reading(&error))
    }
}

/// Whether a path is a FIFO, a device or a socket: neither a regular file nor a directory.
#[must_use]
pub fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// A temporary file without a name, for what has to be read twice. Nobody else can open it, and it is gone
/// with the program.
///
/// # Errors
/// `Output` when there is no place for it.
pub fn spool() -> Result<File, Failure> {
    tempfile::tempfile().map_err(|error| unspooled(&error))
}

/// The failure for a temporary file that cannot be written.
#[must_use]
pub fn unspooled(error: &io::Error) -> Failure {
    Failure {
        hint: "free some space where temporary files go, or choose another place with TMPDIR".into(),
        ..Failure::writing(error).about("a temporary file cannot be written")
    }
}

/// Standard input as a file of its own, so that a redirected regular file can be sought in.
fn stdin() -> io::Result<File> {
    #[cfg(unix)]
    let owned = {
        use std::os::fd::AsFd;
        io::stdin().as_fd().try_clone_to_owned()
    };
    #[cfg(windows)]
    let owned = {
        use std::os::windows::io::AsHandle;
        io::stdin().as_handle().try_clone_to_owned()
    };
    owned.map(File::from)
}

/// An open source. Bytes that were peeked at are read again, also from a pipe.
#[derive(Debug)]
pub struct Input {
    file: File,
    /// Length in bytes from `start`; known for regular files only, and only these are sought in.
    len: Option<u64>,
    /// Where in the file the input starts: not 0 when a shell has read part of standard input.
    start: u64,
    /// Bytes read ahead by `peek`, and how many of them have been read since.
    head: Vec<u8>,
    head_read: usize,
    modified: Option<SystemTime>,
}

impl Input {
    fn new(mut file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let start = if meta.is_file() { file.stream_position()? } else { 0 };
        Ok(Self {
            file,
            len: meta.is_file().then(|| meta.len().saturating_sub(start)),
            start,
            head: Vec::new(),
            head_read: 0,
            modified: meta.modified().ok().filter(|_| meta.is_file()),
        })
    }

    /// Length in bytes when it is a regular file; `None` for pipes and devices, which may be live.
    #[must_use]
    pub fn byte_len(&self) -> Option<u64> {
        self.len
    }

    /// The first bytes, up to [`PEEK`], without consuming them. Fewer come when the source ends
    /// earlier, or when a pipe has delivered `enough` bytes and holds back the rest.
    ///
    /// # Errors
    /// Those of reading.
    pub fn peek(&mut self, enough: usize) -> io::Result<&[u8]> {
        let mut filled = self.head.len();
        self.head.resize(PEEK, 0);
        while filled < enough {
            match self.file.read(&mut self.head[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.head.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.head.truncate(filled);
        Ok(&self.head)
    }

    /// The rest of the input as a regular file without a name, for what needs to be sought in. Not more than
    /// `most` bytes and one are taken.
    ///
    /// # Errors
    /// `Input` when it cannot be read, `Output` when a temporary file cannot be written.
    pub fn spooled(mut self, most: u64) -> Result<Self, Failure> {
        let mut file = spool()?;
        let mut block = vec![0; 64 * 1024];
        let mut left = most.saturating_add(1);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            let read = match self.read(&mut block[..wanted]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::reading(&error)),
            };
            file.write_all(&block[..read]).map_err(|error| unspooled(&error))?;
            left -= read as u64;
        }
        Self::of_spool(file)
    }

    /// A file that [`spool`] made and somebody has filled, from its start.
    ///
    /// # Errors
    /// `Output` when it cannot be sought in.
    pub fn of_spool(mut file: File) -> Result<Self, Failure> {
        file.rewind().and_then(|()| Self::new(file)).map_err(|error| unspooled(&error))
    }

    /// A second reader of the same regular file, which takes turns with this one: both share a position.
    ///
    /// # Errors
    /// Those of duplicating the file handle.
    pub fn shared(&self) -> io::Result<Self> {
        Ok(Self {
            file: self.file.try_clone()?,
            len: self.len,
            start: self.start,
            head: self.head.clone(),
            head_read: self.head_read,
            modified: self.modified,
        })
    }

    /// Goes back over the `read` bytes that were read last, also in a pipe. Says whether these are still there.
    pub fn unread(&mut self, read: usize) -> bool {
        let there = self.head_read >= read && !self.head.is_empty();
        if there {
            self.head_read -= read;
        }
        there || read == 0
    }

    /// Forgets what has been read: the input now starts here.
    ///
    /// # Errors
    /// Those of asking the file for its position.
    pub fn start_here(&mut self) -> io::Result<()> {
        self.head.drain(..self.head_read);
        self.head_read = 0;
        if let Some(len) = self.len {
            let read = self.stream_position()?;
            self.start += read;
            self.len = Some(len.saturating_sub(read));
        }
        Ok(())
    }

    /// A witness that tells later whether the file was changed while it was read.
    ///
    /// # Errors
    /// Those of duplicating the file handle.
    pub fn witness(&self) -> io::Result<Witness> {
        Ok(Witness {
            file: self.file.try_clone()?,
            len: self.len.map(|len| len + self.start),
            modified: self.modified,
        })
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut ahead = &self.head[self.head_read..];
        if ahead.is_empty() {
            return self.file.read(buf);
        }
        let n = ahead.read(buf)?;
        self.head_read += n;
        if self.head_read == self.head.len() {
            self.head = Vec::new();
            self.head_read = 0;
        }
        Ok(n)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let unread = (self.head.len() - self.head_read) as u64;
        let position = match to {
            SeekFrom::Start(offset) => self.file.seek(SeekFrom::Start(self.start.saturating_add(offset)))?,
            SeekFrom::End(offset) => self.file.seek(SeekFrom::End(offset))?,
            SeekFrom::Current(offset) => {
                self.file.seek(SeekFrom::Current(offset.saturating_sub_unsigned(unread)))?
            }
        };
        self.head = Vec::new();
        self.head_read = 0;
        Ok(position.saturating_sub(self.start))
    }
}

impl MediaSource for Input {
    fn is_seekable(&self) -> bool {
        self.len.is_some()
    }

    fn byte_len(&self) -> Option<u64> {
        self.len
    }
}

/// Remembers how a file was when reading began. See [`Input::witness`].
#[derive(Debug)]
pub struct Witness {
    file: File,
    len: Option<u64>,
    modified: Option<SystemTime>,
}

impl Witness {
    /// Whether the file is still what it was. Pipes and devices always are.
    ///
    /// # Errors
    /// `Input` when it grew, shrank or was written to: what was read is then a mixture.
    pub fn unchanged(&self) -> Result<(), Failure> {
        let Some(before) = self.len else { return Ok(()) };
        let meta = self.file.metadata().map_err(|error| Failure::reading(&error))?;
        let what = match meta.len() {
            now if now > before => format!("grew from {before} to {now} bytes"),
            now if now < before => format!("shrank from {before} to {now} bytes"),
            _ if meta.modified().ok() != self.modified => "was written to".into(),
            _ => return Ok(()),
        };
        Err(Failure::input(
            format!("the file {what} while it was read"),
            "wait until the recording is finished; to follow one, pipe it: tail -c +1 -f FILE | voxsift",
        ))
    }
}
