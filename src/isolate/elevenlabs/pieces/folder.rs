//! Where finished pieces wait for the others: a folder beside the output, so that an interrupted run goes on where it
//! stopped, and nothing is paid for twice.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::measure::Measures;
use crate::error::Failure;
use crate::interrupt;
use crate::sink::{Sink, free_name};
use crate::source::unspooled;

/// Says what the pieces belong to. Held locked while a run is at work.
const MANIFEST: &str = "pieces.json";

/// What the names of replies, and of what is known of them, end in.
const REPLY: &str = "mp3";
const MEASURES: &str = "json";

/// What a folder's pieces are pieces of. What stays the same from run to run decides whether they are still good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Of this description.
    pub version: u32,
    /// The fingerprint of the recording's samples.
    pub recording: String,
    pub sample_rate: u32,
    pub frames: u64,
    /// How pieces are sent.
    pub sent_as: String,
    /// Frames that neighbours have in common, and between which frames the recording is cut.
    pub overlap: u64,
    pub cuts: Vec<u64>,
}

impl Manifest {
    /// Whether pieces can be cut like this: a file may hold anything.
    fn is_sound(&self) -> bool {
        let least = u64::from(self.sample_rate);
        let ends = [0].into_iter().chain(self.cuts.iter().copied()).chain([self.frames]);
        let ends: Vec<u64> = ends.collect();
        let apart = |pair: &[u64]| pair[1].checked_sub(pair[0]).is_some_and(|apart| apart >= self.overlap);
        self.cuts.is_empty() || (self.overlap >= least && ends.windows(2).all(apart))
    }

    /// Whether it is of the same recording, sent in the same way, wherever it is cut.
    fn is_of_the_same(&self, other: &Self) -> bool {
        let uncut = |manifest: &Self| Self { overlap: 0, cuts: Vec::new(), ..manifest.clone() };
        uncut(self) == uncut(other)
    }
}

/// A folder with pieces. When it is dropped and no piece in it is finished, it is removed.
pub(super) struct Folder {
    path: PathBuf,
    /// Held open for its lock.
    manifest: File,
    /// Whether the next run finds it again.
    pub is_found_again: bool,
}

impl Folder {
    /// The folder for the pieces of what goes to `sink`, and what is to be in it: with the cuts of an earlier run, if
    /// there is one to go on with.
    ///
    /// # Errors
    /// `Usage` when it belongs to something else, or to a run that is still at work; `Output` when it cannot be made.
    pub(super) fn open(sink: &Sink, wanted: &Manifest) -> Result<(Self, Manifest), Failure> {
        let writing = |error| Failure::writing(&error);
        let beside = match sink {
            Sink::File { path, .. } => Some(beside(path)),
            Sink::Device(_) | Sink::Stdout => None,
        };
        let path = if let Some(path) = &beside {
            fs::create_dir_all(path).map_err(writing)?;
            path.clone()
        } else {
            let create = tempfile::Builder::new().prefix("voxsift-").suffix(".pieces").tempdir();
            create.map_err(|error| unspooled(&error))?.keep()
        };
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut manifest = options.open(path.join(MANIFEST)).map_err(writing)?;
        match manifest.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::usage(
                    "another run is isolating it in pieces at this moment",
                    format!("wait until it has ended, or stop it; it works in {}", path.display()),
                ));
            }
            // Some network file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // Not before it is ours: another run's folder is its own matter.
        interrupt::guard_folder(&path, MANIFEST);
        let mut text = String::new();
        let found = manifest.read_to_string(&mut text);
        let folder = Self { path, manifest, is_found_again: beside.is_some() };
        let known = found.ok().and_then(|_| serde_json::from_str::<Manifest>(&text).ok());
        if let Some(known) = known.filter(|known| known.is_sound() && known.is_of_the_same(wanted)) {
            // What is paid for is worth more than other cuts.
            return Ok((folder, known));
        }
        if !folder.is_empty() {
            return Err(Failure::usage(
                format!(
                    "{} has pieces of another recording, or of one that was sent in another way",
                    folder.path.display()
                ),
                "they are paid for: finish that run as it was begun, or remove the folder to begin anew",
            ));
        }
        let text = serde_json::to_string(wanted).map_err(|error| Failure::internal(error.to_string()))?;
        write_whole(&folder.manifest, &text).map_err(writing)?;
        Ok((folder, wanted.clone()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the reply for a piece is.
    pub(super) fn reply(&self, piece: usize) -> PathBuf {
        self.path.join(format!("{piece:04}.{REPLY}"))
    }

    /// Whether a piece is finished.
    pub(super) fn has(&self, piece: usize) -> bool {
        self.reply(piece).exists()
    }

    /// Puts a reply aside that is of no use, so that the next run asks for another one. Returns where it is.
    pub(super) fn set_aside(&self, piece: usize) -> Option<PathBuf> {
        let aside = free_name(&self.path.join(format!("{piece:04}.useless.{REPLY}")));
        fs::rename(self.reply(piece), &aside).ok().map(|()| aside)
    }

    /// What was measured of a piece.
    pub(super) fn measures(&self, piece: usize) -> Option<Measures> {
        let text = fs::read_to_string(self.measures_path(piece)).ok()?;
        serde_json::from_str(&text).ok().filter(Measures::are_sound)
    }

    /// Keeps what was measured of a piece.
    ///
    /// # Errors
    /// `Output` when it cannot be written.
    pub(super) fn put_measures(&self, piece: usize, measures: &Measures) -> Result<(), Failure> {
        let text = serde_json::to_string(measures).map_err(|error| Failure::internal(error.to_string()))?;
        fs::write(self.measures_path(piece), text).map_err(|error| Failure::writing(&error))
    }

    fn measures_path(&self, piece: usize) -> PathBuf {
        self.path.join(format!("{piece:04}.{MEASURES}"))
    }

    /// Whether there is nothing in it that was paid for.
    fn is_empty(&self) -> bool {
        let is_reply = |entry: fs::DirEntry| {
            Path::new(&entry.file_name()).extension().is_some_and(|extension| extension == REPLY)
        };
        fs::read_dir(&self.path).is_ok_and(|entries| !entries.filter_map(Result::ok).any(is_reply))
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// `Output` when that fails.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.path).map_err(|error| Failure::writing(&error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        interrupt::release_folder(&self.path);
    }
}

/// The folder for what is to become the file at `path`: hidden, so that no search takes its pieces for recordings.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    // Room for the ending within the 255 bytes that file systems allow.
    if name.len() > 240 {
        name = format!(".{:x}", md5::compute(name.as_encoded_bytes())).into();
    }
    name.push(".pieces");
    path.with_file_name(name)
}

/// Replaces all of a file's content.
fn write_whole(mut file: &File, text: &str) -> io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
