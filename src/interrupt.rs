//! Ctrl-C, SIGTERM, SIGHUP and SIGQUIT: remove unfinished files and leave with exit code 130.
//!
//! A thread of its own does it, so that it works while another thread waits for a pipe that never
//! delivers. An output that is being renamed into place is finished first: it is there whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::{Arc, atomic::AtomicBool};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The temporary files that exist now.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a temporary file with `create` and has it removed when the program is interrupted.
///
/// # Errors
/// Those of `create`.
pub fn guard<T, E>(create: impl FnOnce() -> Result<T, E>, path: impl Fn(&T) -> &Path) -> Result<T, E> {
    let mut files = unfinished();
    let file = create()?;
    files.insert(path(&file).to_owned());
    Ok(file)
}

/// Runs `finish`, which renames or removes the guarded file at `path`, undisturbed by signals.
pub fn release<T>(path: &Path, finish: impl FnOnce() -> T) -> T {
    let mut files = unfinished();
    files.remove(path);
    finish()
}

/// The folders that are worth nothing as long as there is only their label in them, a file of this name.
static FOLDERS: Mutex<BTreeMap<PathBuf, &str>> = Mutex::new(BTreeMap::new());

fn folders() -> MutexGuard<'static, BTreeMap<PathBuf, &'static str>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a folder removed when the program is interrupted and there is nothing in it but its label.
pub fn guard_folder(folder: &Path, label: &'static str) {
    folders().insert(folder.to_owned(), label);
}

/// Ends the guard of a folder, and removes it when there is nothing in it but its label.
pub fn release_folder(folder: &Path) {
    if let Some(label) = folders().remove(folder) {
        remove_unused(folder, label);
    }
}

fn remove_unused(folder: &Path, label: &str) {
    let Ok(mut entries) = std::fs::read_dir(folder) else { return };
    if entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == label)) {
        // What cannot be removed is nearly empty, and hidden.
        let _ = std::fs::remove_file(folder.join(label));
        let _ = std::fs::remove_dir(folder);
    }
}

/// Starts to watch for signals. Signals that the parent process ignores stay ignored, so that `nohup`
/// and background jobs of scripts work as usual.
///
/// # Errors
/// When the system refuses a handler or a thread.
#[cfg(unix)]
pub fn watch() -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};

    let ignored = ignored_signals();
    let wanted =
        [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    // A file that reaches the limit of `ulimit -f` then fails to be written, like one on a full disk, instead
    // of ending the program.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            // The lock is held until the end, so that no other file is begun meanwhile.
            let files = unfinished();
            for path in files.iter() {
                let _ = std::fs::remove_file(path);
            }
            for (folder, label) in folders().iter() {
                remove_unused(folder, label);
            }
            std::process::exit(crate::error::EXIT_INTERRUPTED);
        }
    })?;
    Ok(())
}

/// The set of ignored signals as a bit mask. Only Linux tells it without `unsafe`; elsewhere none counts
/// as ignored.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .unwrap_or(0)
}

/// Nothing to watch where there are no signals.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn watch() -> std::io::Result<()> {
    Ok(())
}
