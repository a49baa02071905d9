//! The page about a run: one HTML file with a table, spectrograms and players, which needs nothing but itself.
//!
//! Rows come in any order and wait in a temporary file, so that memory does not grow with their number.

mod markup;

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use base64::prelude::BASE64_STANDARD;
use base64::write::EncoderWriter;

use crate::error::Failure;
use crate::exchange::Exchange;
use crate::isolate::Outcome;
use crate::picture::{Comparison, Excerpt, PLOT, SIZE};
use crate::sink::Sink;
use crate::source::{spool, unspooled};
use crate::text::clock;
use markup::escaped;

/// What every page begins with, so that it is known again.
pub const MARK: &str = "<!doctype html>\n<!-- a report by voxsift -->\n";

/// The most bytes of pictures and sound in a page, before base64: more than that, browsers open slowly. What comes later
/// is told without them.
const MOST: u64 = 200 << 20;

/// What is told of one recording.
pub struct Row<'a> {
    /// Its name, as in messages.
    pub name: &'a str,
    /// How it ended.
    pub end: End<'a>,
    /// How it compares, or why that is not known, where it was looked at.
    pub looked_at: Option<Result<&'a Comparison, &'a Failure>>,
}

/// How a recording ended.
#[derive(Clone, Copy)]
pub enum End<'a> {
    /// It is isolated.
    Done(&'a Outcome),
    /// Its output was there already.
    Skipped,
    /// It failed.
    Failed(&'a Failure),
}

/// A page in the making.
pub struct Page {
    rows: Mutex<Rows>,
}

/// The rows that there are.
struct Rows {
    spool: BufWriter<File>,
    /// Where the next row starts.
    end: u64,
    /// From where to where each row is.
    places: Vec<Option<(u64, u64)>>,
    /// Bytes of pictures and sound.
    embedded: u64,
    /// Why no row can be added any more.
    broken: Option<io::Error>,
}

impl Page {
    /// A page about so many recordings.
    ///
    /// # Errors
    /// `Output` when there is no place for a temporary file.
    pub fn new(recordings: usize) -> Result<Self, Failure> {
        let spool = BufWriter::new(spool()?);
        let places = vec![None; recordings];
        Ok(Self { rows: Mutex::new(Rows { spool, end: 0, places, embedded: 0, broken: None }) })
    }

    /// Adds the row of the recording with this number, from 0 on. What goes wrong is told by
    /// [`finish`](Self::finish): it is the page's trouble, not the recording's.
    pub fn add(&self, number: usize, row: &Row) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.broken.is_none() {
            rows.broken = rows.add(number, row).err();
        }
    }

    /// Writes the page. `names` are those of all recordings, for rows that were never added.
    ///
    /// # Errors
    /// `Output` when it cannot be written.
    pub fn finish(
        self,
        sink: &Sink,
        summary: &str,
        names: impl Iterator<Item = String>,
    ) -> Result<(), Failure> {
        let rows = self.rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = rows.broken {
            return Err(unspooled(&error));
        }
        let mut file = rows.spool.into_inner().map_err(|error| unspooled(error.error()))?;
        let mut output = sink.open()?;
        output.write_all(markup::head(summary).as_bytes())?;
        for (name, place) in names.zip(rows.places) {
            match place {
                Some((from, to)) => {
                    file.seek(SeekFrom::Start(from)).map_err(|error| unspooled(&error))?;
                    output.copy((&mut file).take(to - from))?;
                }
                None => output.write_all(markup::not_begun(&name).as_bytes())?,
            }
        }
        output.write_all(markup::FOOT.as_bytes())?;
        output.commit().map(drop)
    }
}

impl Rows {
    fn add(&mut self, number: usize, row: &Row) -> io::Result<()> {
        let from = self.end;
        self.row(row)?;
        self.end = self.spool.stream_position()?;
        if let Some(place) = self.places.get_mut(number) {
            *place = Some((from, self.end));
        }
        Ok(())
    }

    fn row(&mut self, row: &Row) -> io::Result<()> {
        let compared = row.looked_at.and_then(Result::ok);
        let (seconds, exchange, elapsed): (_, Option<&Exchange>, _) = match row.end {
            End::Done(outcome) => {
                (outcome.recording.seconds, outcome.exchange.as_ref(), Some(outcome.elapsed.as_secs_f64()))
            }
            End::Skipped => (None, None, None),
            End::Failed(failure) => (None, failure.exchange.as_deref(), None),
        };
        let seconds = seconds.or(compared.map(|compared| compared.seconds));
        let (class, word) = match row.end {
            End::Done(_) => ("done", "done"),
            End::Skipped => ("skipped", "skipped"),
            End::Failed(_) => ("failed", "failed"),
        };
        let cell = |value: Option<String>| value.unwrap_or_else(|| "–".into());
        let out = &mut self.spool;
        write!(out, "<tbody class=\"{class}\">\n<tr><th scope=\"row\">{}</th>", escaped(row.name))?;
        write!(
            out,
            "<td class=\"number\">{}</td>",
            cell(seconds.map(|it| clock((it * 1000.0).round() as u64)))
        )?;
        let noise = compared.map(|compared| format!("{:.1} dB", compared.noise_removed_db));
        write!(out, "<td class=\"number\">{}</td>", cell(noise))?;
        // Where there was no exchange, nothing was spent.
        let credits = exchange.map_or(Some(0), |exchange| exchange.credits);
        write!(out, "<td class=\"number\">{}</td>", cell(credits.map(|credits| credits.to_string())))?;
        write!(out, "<td class=\"number\">{}</td>", cell(elapsed.map(|elapsed| format!("{elapsed:.1} s"))))?;
        write!(out, "<td><span class=\"status\">{word}</span>")?;
        for text in remarks(row) {
            write!(out, " <span class=\"remark\">{}</span>", escaped(&text))?;
        }
        writeln!(out, "</td></tr>")?;
        if let Some(compared) = compared {
            self.comparison(row.name, compared)?;
        }
        writeln!(self.spool, "</tbody>")
    }

    /// Writes pictures and players.
    fn comparison(&mut self, name: &str, compared: &Comparison) -> io::Result<()> {
        let sound = compared.excerpts.iter().flatten().map(|excerpt| excerpt.ogg.len());
        let bytes = (compared.sheet.len() + sound.sum::<usize>()) as u64;
        let out = &mut self.spool;
        write!(out, "<tr class=\"look\"><td colspan=\"6\">")?;
        if self.embedded + bytes > MOST {
            return writeln!(
                out,
                "<p>Its pictures and sound are left out, because the page would be too large.</p></td></tr>"
            );
        }
        self.embedded += bytes;
        let name = escaped(name);
        let (width, height) = SIZE;
        write!(out, "<div class=\"sheet\"><img width=\"{width}\" height=\"{height}\" ")?;
        write!(out, "alt=\"Spectrograms of {name} before and after\" src=\"data:image/png;base64,")?;
        base64(out, &compared.sheet)?;
        write!(out, "\"><div class=\"playhead\" hidden></div></div>")?;
        if let Some([before, after]) = &compared.excerpts {
            players(out, &name, compared.seconds, before, after)?;
        }
        writeln!(out, "</td></tr>")
    }
}

/// Writes the two players of a recording, and what switches between them where scripts run.
fn players(
    out: &mut impl Write,
    name: &str,
    total: f64,
    before: &Excerpt,
    after: &Excerpt,
) -> io::Result<()> {
    let seconds = before.seconds.min(after.seconds);
    let (left, right) = PLOT;
    write!(out, "<div class=\"player\" role=\"group\" aria-label=\"Listen to {name}\" ")?;
    write!(out, "data-start=\"{:.3}\" data-seconds=\"{seconds:.3}\" ", before.start)?;
    write!(out, "data-total=\"{total:.3}\" data-left=\"{left:.5}\" data-right=\"{right:.5}\">")?;
    for (word, excerpt) in [("before", before), ("after", after)] {
        write!(out, "<label class=\"plain\">{word} <audio controls preload=\"none\" ")?;
        write!(out, "src=\"data:audio/ogg;base64,")?;
        base64(out, &excerpt.ogg)?;
        write!(out, "\"></audio></label>")?;
    }
    if seconds + 0.5 < total {
        let at = |seconds: f64| clock((seconds * 1000.0) as u64);
        let (from, to) = (at(before.start), at(before.start + seconds));
        write!(out, "<span class=\"remark\">an excerpt, {from} to {to}</span>")?;
    }
    write!(out, "</div>")
}

/// What is to be said beside the status.
fn remarks(row: &Row) -> Vec<String> {
    let mut texts = match row.end {
        End::Done(outcome) => outcome.warnings.clone(),
        End::Skipped => vec!["it exists".into()],
        End::Failed(failure) => vec![failure.message.clone(), failure.hint.clone()],
    };
    if let Some(Err(failure)) = row.looked_at {
        texts.push(format!("it cannot be shown: {}", failure.message));
    }
    texts
}

fn base64(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut encoder = EncoderWriter::new(out, &BASE64_STANDARD);
    encoder.write_all(bytes)?;
    encoder.finish().map(drop)
}
