//! Lines of shell, as they stand in documentation.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Bench, SCRUBBED, binary};

/// A line of shell in a folder, which is also home, where `voxsift` is the program. Programs in `stubs` come before
/// others.
pub fn line(shell: &str, bench: &Bench, line: &str, stubs: &[&Path]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [binary().parent().expect("a folder")];
    let folders = stubs.iter().chain(&own).map(PathBuf::from).chain(std::env::split_paths(&path));
    let mut command = Command::new(shell);
    command.args(["-c", line]).current_dir(bench.path(""));
    for name in SCRUBBED {
        command.env_remove(name);
    }
    command.env("PATH", std::env::join_paths(folders).expect("a path")).env("HOME", bench.path(""));
    command.stdin(Stdio::null());
    command
}
