//! Every crate that this one is built on is explained in CONTRIBUTING, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in all tables of dependencies: also those for tests and for some systems.
fn declared(manifest: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table.ends_with("dependencies");
            // A dependency may have a table of its own.
            let own = table.rsplit_once("dependencies.").map(|(_, name)| name);
            names.extend(own);
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.extend(line.split_once('=').map(|(name, _)| name.trim()));
        }
    }
    names
}

/// The rows of the table of dependencies, by the cells that they have.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let (_, section) = page.split_once("\n## Dependencies\n").expect("the section");
    let table =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_dependency_has_a_row_and_every_row_a_dependency() {
    let (manifest, page) = (text("Cargo.toml"), text("CONTRIBUTING.md"));
    let rows = rows(&page);
    for row in &rows {
        assert!(row.len() == 4 && row.iter().all(|cell| !cell.is_empty()), "four cells: {row:?}");
    }
    let explained: Vec<&str> = rows.iter().filter_map(|row| row[0].split_whitespace().next()).collect();
    assert!(explained.is_sorted(), "by name: {explained:?}");
    let explained: BTreeSet<&str> = explained.into_iter().collect();
    let declared = declared(&manifest);
    assert!(declared.len() > 20, "{declared:?}");
    let unexplained: Vec<_> = declared.difference(&explained).collect();
    assert!(unexplained.is_empty(), "say in CONTRIBUTING.md what these are for: {unexplained:?}");
    let gone: Vec<_> = explained.difference(&declared).collect();
    assert!(gone.is_empty(), "CONTRIBUTING.md explains what is not in Cargo.toml: {gone:?}");
}
