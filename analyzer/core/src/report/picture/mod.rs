//! The map as a picture for places where no page can be opened: a pull request's comment, a wiki.
//!
//! It is laid out by the same code as the map of the HTML report. Of a comparison it shows what opens and closes.

mod scene;
mod svg;

use std::io::{self, Write};

use npv_map::{Fold, draw};

use super::html::{Difference, Document, gone};
use super::{DiffReport, Format, FullReport, Page};
use scene::Drawn;

pub(super) const SVG: Format = Format {
    name: "svg",
    doc: "the map of the report as a picture that browsers and wikis show",
    diff: Some(|report, page| diff(report, page, write_svg)),
    report: Some(|report, page| whole(report, page, write_svg)),
    ..Format::NONE
};

pub(super) const PNG: Format = Format {
    name: "png",
    doc: "the same as pixels",
    diff: Some(|report, page| diff(report, page, write_png)),
    report: Some(|report, page| whole(report, page, write_png)),
    ..Format::NONE
};

/// The font of all text, so that a picture needs none of the machine.
const FONT: &[u8] = include_bytes!("DejaVuSansMono.ttf");
/// Pixels for each unit of a picture.
const SCALE: f32 = 2.0;
/// No side has more pixels.
const MOST_PIXELS: f32 = 12_000.0;

type Writer = fn(&Drawn, &mut Page<'_>) -> io::Result<()>;

fn whole(report: &FullReport<'_>, page: &mut Page<'_>, write: Writer) -> io::Result<()> {
    let document = Document::of(report);
    write(&Drawn::whole(&document, report), page)
}

fn diff(report: &DiffReport<'_>, page: &mut Page<'_>, write: Writer) -> io::Result<()> {
    let gone = gone(report);
    let difference = Difference::of(report, &gone)?;
    write(&Drawn::changed(&difference, &gone, report), page)
}

fn write_svg(drawn: &Drawn, page: &mut Page<'_>) -> io::Result<()> {
    page.write_all(svg::text(drawn, &draw(&drawn.scene, &Fold::Auto)).as_bytes())
}

fn write_png(drawn: &Drawn, page: &mut Page<'_>) -> io::Result<()> {
    let text = svg::text(drawn, &draw(&drawn.scene, &Fold::Auto));
    page.write_all(&pixels(&text).ok_or_else(|| io::Error::other("the picture cannot be drawn as pixels"))?)
}

/// The picture as a PNG file.
fn pixels(svg: &str) -> Option<Vec<u8>> {
    use resvg::{tiny_skia, usvg};
    let mut options = usvg::Options::default();
    options.fontdb_mut().load_font_data(FONT.to_vec());
    options.fontdb_mut().set_monospace_family("DejaVu Sans Mono");
    let tree = usvg::Tree::from_str(svg, &options).ok()?;
    let size = tree.size();
    let scale = SCALE.min(MOST_PIXELS / size.width().max(size.height()));
    let side = |length: f32| (length * scale).ceil() as u32;
    let mut pixels = tiny_skia::Pixmap::new(side(size.width()), side(size.height()))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_pixels_without_a_font_of_the_machine() {
        let svg = |text: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" height=\"20\">\
                 <text x=\"2\" y=\"15\" font-family=\"monospace\" font-size=\"12\">{text}</text></svg>"
            )
        };
        let of = |text: &str| pixels(&svg(text)).unwrap();
        assert!(of("web").starts_with(b"\x89PNG"));
        assert_ne!(of("web"), of(""));
        assert_eq!(pixels("no picture"), None);
    }
}
