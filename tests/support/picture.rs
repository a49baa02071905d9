//! What people see on a terminal, worked out from what was written to it.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeSet;

/// The size of the pseudo-terminal of the tests.
const ROWS: usize = 24;
const COLUMNS: usize = 120;

/// A terminal's lines, with those that have been scrolled away.
pub struct Picture {
    lines: Vec<Vec<char>>,
    /// Rows that are continued on the next one.
    full: BTreeSet<usize>,
    row: usize,
    column: usize,
}

impl Picture {
    /// What is seen after all of this.
    pub fn of(written: &str) -> Self {
        let mut picture = Self { lines: vec![Vec::new()], full: BTreeSet::new(), row: 0, column: 0 };
        let mut rest = written.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => picture.column = 0,
                '\n' => picture.down(1),
                '\x1b' => {
                    assert_eq!(rest.next(), Some('['), "only sequences that are known: {written:?}");
                    let mut number = String::new();
                    // A sequence that is cut off will be there the next time.
                    let Some(end) = rest.find(|c| {
                        number.push(*c);
                        c.is_ascii_alphabetic()
                    }) else {
                        break;
                    };
                    number.pop();
                    picture.command(end, &number);
                }
                c => picture.put(c),
            }
        }
        picture
    }

    fn command(&mut self, command: char, number: &str) {
        let count = number.parse().unwrap_or(1);
        match (command, number) {
            // A cursor does not leave the screen.
            ('A', _) => {
                let top = self.lines.len().saturating_sub(ROWS);
                self.row = self.row.saturating_sub(count).max(top);
            }
            ('B', _) => self.down(count),
            ('C', _) => self.column = (self.column + count).min(COLUMNS - 1),
            ('D', _) => self.column = self.column.saturating_sub(count),
            ('K', "2") => {
                self.lines[self.row].clear();
                self.full.remove(&self.row);
            }
            ('K', "" | "0") => {
                self.lines[self.row].truncate(self.column);
                self.full.remove(&self.row);
            }
            ('J', "" | "0") => {
                self.lines[self.row].truncate(self.column);
                self.lines.truncate(self.row + 1);
                self.full.split_off(&self.row);
            }
            // Colours, and whether the cursor is seen.
            ('m' | 'h' | 'l', _) => {}
            _ => panic!("ESC [ {number} {command} is not known here"),
        }
    }

    fn down(&mut self, count: usize) {
        self.row += count;
        while self.lines.len() <= self.row {
            self.lines.push(Vec::new());
        }
    }

    fn put(&mut self, c: char) {
        // A line that is full is continued on the next one when there is more of it.
        if self.column == COLUMNS {
            self.full.insert(self.row);
            self.down(1);
            self.column = 0;
        }
        let line = &mut self.lines[self.row];
        while line.len() <= self.column {
            line.push(' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    /// All rows, without empty ones at the end.
    pub fn rows(&self) -> Vec<String> {
        let text = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        let mut rows: Vec<String> = self.lines.iter().map(text).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// What was printed, line by line. Where there are bars, these look like one long line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        for (at, row) in self.rows().into_iter().enumerate() {
            let line = lines.last_mut().expect("a line");
            line.push_str(&row);
            if self.full.contains(&at) {
                // Blanks at the end of a row belong to the line.
                line.extend(std::iter::repeat_n(' ', COLUMNS - row.chars().count()));
            } else {
                lines.push(String::new());
            }
        }
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Whether some row has all of these.
    pub fn shows(&self, parts: &[&str]) -> bool {
        self.rows().iter().any(|row| parts.iter().all(|part| row.contains(part)))
    }

    /// Whether the next thing that is written starts a line of its own.
    pub fn is_at_an_empty_line(&self) -> bool {
        self.column == 0 && self.lines[self.row].iter().all(|c| *c == ' ')
    }
}
