//! A picture of few colours: the colour map, and what is written beside it.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::error::Failure;

/// Colours of the map. More would not be told apart, and fewer make the file smaller.
pub(super) const COLORS: u8 = 112;

/// Shades from the background to the ink of letters, behind the map.
const SHADES: u8 = 16;

/// The background and the ink: the contrast is 15 to 1, of which 7 are wanted (WCAG 2.2, 1.4.6).
const PAPER: [u8; 3] = [0x14, 0x14, 0x1a];
const INK: [u8; 3] = [0xec, 0xec, 0xf0];

/// A shade between the background, 0, and the ink, 1.
pub(super) fn shade(part: f32) -> u8 {
    COLORS + (part * f32::from(SHADES - 1)).round() as u8
}

/// Sizes of letters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Letters {
    Small,
    Large,
}

impl Letters {
    fn raster(self) -> RasterHeight {
        match self {
            Self::Small => RasterHeight::Size16,
            Self::Large => RasterHeight::Size20,
        }
    }

    /// The height of a line, in pixels.
    pub(super) fn height(self) -> usize {
        self.raster().val()
    }

    /// The width of any letter, in pixels.
    pub(super) fn width(self) -> usize {
        get_raster_width(FontWeight::Regular, self.raster())
    }
}

/// Pixels, each with the number of its colour.
pub(super) struct Canvas {
    width: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, pixels: vec![shade(0.0); width * height] }
    }

    /// Colours one pixel.
    pub(super) fn dot(&mut self, x: usize, y: usize, color: u8) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y * self.width + x)
        {
            *pixel = color;
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, color: u8) {
        for y in y..y + height {
            for x in x..x + width {
                self.dot(x, y, color);
            }
        }
    }

    /// Writes a line whose upper left corner is here. Characters that there are no letters for become question marks.
    pub(super) fn write(&mut self, x: usize, y: usize, letters: Letters, text: &str) {
        for (column, character) in text.chars().enumerate() {
            let raster = |character| get_raster(character, FontWeight::Regular, letters.raster());
            let Some(letter) = raster(character).or_else(|| raster('?')) else { continue };
            for (row, line) in letter.rows().enumerate() {
                for (at, strength) in line.iter().enumerate().filter(|(_, strength)| **strength > 0) {
                    let ink = shade(f32::from(*strength) / 255.0);
                    self.dot(x + column * letters.width() + at, y + row, ink);
                }
            }
        }
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// `Internal` when the encoder refuses it.
    pub(super) fn png(&self) -> Result<Vec<u8>, Failure> {
        let height = self.pixels.len() / self.width;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, height as u32);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette());
        // Numbers of colours are no samples: what is next to a pixel does not foretell it.
        encoder.set_filter(png::Filter::NoFilter);
        encoder.set_compression(png::Compression::Balanced);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.pixels)?;
            writer.finish()
        });
        written.map_err(|error| Failure::internal(format!("a picture: {error}")))?;
        Ok(bytes)
    }
}

/// The map is Inferno (S. van der Walt and N. Smith for matplotlib, 2015, CC0): its steps look equal, also in grey and to
/// the colour-blind.
fn palette() -> Vec<u8> {
    let map = (0..COLORS).flat_map(|at| {
        let color = colorous::INFERNO.eval_rational(at.into(), COLORS.into());
        [color.r, color.g, color.b]
    });
    let shades = (0..SHADES).flat_map(|at| {
        let part = f32::from(at) / f32::from(SHADES - 1);
        let mix = |(paper, ink): (u8, u8)| f32::from(paper) + part * (f32::from(ink) - f32::from(paper));
        [0, 1, 2].map(|part| mix((PAPER[part], INK[part])).round() as u8)
    });
    map.chain(shades).collect()
}
