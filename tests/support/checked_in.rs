//! Files of the repository that the program has to agree with.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Several tests may rewrite one file.
static REWRITING: Mutex<()> = Mutex::new(());

/// A file of the repository.
pub fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is in a file of the repository.
#[track_caller]
pub fn text(name: &str) -> String {
    fs::read_to_string(repository(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Expects a file of the repository to be exactly this, or makes it so where `VOXSIFT_BLESS` is set. `test` is the
/// file of the test.
#[track_caller]
pub fn is_file(name: &str, expected: &str, test: &str) {
    let path = repository(name);
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == expected {
        return;
    }
    if std::env::var_os("VOXSIFT_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        fs::write(&path, expected).expect("the file can be written");
        return;
    }
    panic!("{name} is not what the program says.\n{}\n{}", difference(&found, expected), cure(test));
}

/// Expects the lines of a file from `first` up to a line that begins with `end` to be these, or makes them so.
#[track_caller]
pub fn is_block(name: &str, first: &str, end: &str, expected: &str, test: &str) {
    let _alone = REWRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let whole = text(name);
    let start =
        whole.find(&format!("\n{first}\n")).unwrap_or_else(|| panic!("no line {first:?} in {name}")) + 1;
    let len = whole[start..].find(&format!("\n{end}")).unwrap_or_else(|| panic!("no end of {first:?}")) + 1;
    let found = &whole[start..start + len];
    if found == expected {
        return;
    }
    if std::env::var_os("VOXSIFT_BLESS").is_some() {
        let rewritten = format!("{}{expected}{}", &whole[..start], &whole[start + len..]);
        fs::write(repository(name), rewritten).expect("the file can be written");
        return;
    }
    panic!(
        "{name} from {first:?} on is not what the program says.\n{}\n{}",
        difference(found, expected),
        cure(test)
    );
}

fn cure(test: &str) -> String {
    format!("This rewrites it:\n  VOXSIFT_BLESS=1 cargo test --locked --test {test}")
}

/// The first line that differs.
fn difference(found: &str, expected: &str) -> String {
    let mut lines = found.lines().map(Some).chain(std::iter::repeat(None));
    for (index, expected) in expected.lines().enumerate() {
        let found = lines.next().flatten();
        if found != Some(expected) {
            return format!("line {}\n  is  {found:?}\n  not {expected:?}", index + 1);
        }
    }
    format!("{:?} is too much", lines.next().flatten())
}
