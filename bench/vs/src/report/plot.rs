//! Bars as SVG, written by hand: a panel for each workload, a bar for each library.
//!
//! A panel's longest bar fills its width; a value far above the others is shown as it is, since what the
//! plots are for is the distance. Colours suffice on light and dark ground.

use std::fmt::Write as _;

/// The bars of one workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) unit: String,
    pub(super) bars: Vec<Bar>,
}

/// One library.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) name: String,
    /// `None` if it failed.
    pub(super) value: Option<f64>,
    pub(super) is_ours: bool,
}

// All lengths are in pixels.
const WIDTH: usize = 860;
const MARGIN: usize = 16;
const HEAD: usize = 40;
const PANEL_HEAD: usize = 44;
const ROW: usize = 20;
const BAR: usize = 14;
/// Where names end and bars begin, and how long a bar may be.
const NAMES_END: usize = 280;
const LONGEST: usize = 470;

/// All panels, one below the other.
pub(super) fn svg(title: &str, panels: &[Panel]) -> String {
    let rows: usize = panels.iter().map(|panel| panel.bars.len()).sum();
    let height = HEAD + panels.len() * PANEL_HEAD + rows * ROW + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#777\" role=\"img\">\n\
         <title>{title}</title>\n\
         <text x=\"{MARGIN}\" y=\"26\" font-size=\"18\">{title}</text>\n",
        title = escaped(title),
    );
    let mut top = HEAD;
    for panel in panels {
        panel_svg(&mut out, panel, top);
        top += PANEL_HEAD + panel.bars.len() * ROW;
    }
    out.push_str("</svg>\n");
    out
}

fn panel_svg(out: &mut String, panel: &Panel, top: usize) {
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!(
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"14\">{} <tspan font-size=\"11\">({})</tspan></text>",
        top + 32,
        escaped(&panel.title),
        escaped(&panel.unit),
    ));
    let values = panel.bars.iter().filter_map(|bar| bar.value);
    let greatest = values.fold(0.0, f64::max);
    for (index, bar) in panel.bars.iter().enumerate() {
        let y = top + PANEL_HEAD + index * ROW;
        let base = y + BAR - 3;
        let mut row = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            row,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
            NAMES_END - 8,
            escaped(&bar.name),
        );
        let length = length(bar.value.unwrap_or(0.0), greatest);
        let colour = if bar.is_ours { "#1f77b4" } else { "#aaa" };
        let _ = write!(
            row,
            "<rect x=\"{NAMES_END}\" y=\"{y}\" width=\"{length}\" height=\"{BAR}\" fill=\"{colour}\"/>",
        );
        let label = bar.value.map_or_else(|| "failed".to_owned(), super::number);
        let _ = write!(
            row,
            "<text x=\"{}\" y=\"{base}\">{label}</text>",
            NAMES_END + length + 6
        );
        line(row);
    }
}

/// How long a bar is; what is there at all can be seen.
fn length(value: f64, greatest: f64) -> usize {
    if value <= 0.0 || greatest <= 0.0 {
        return 0;
    }
    ((value / greatest * LONGEST as f64).round() as usize).max(1)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, value: Option<f64>) -> Bar {
        Bar {
            name: name.to_owned(),
            value,
            is_ours: name == "ours",
        }
    }

    #[test]
    fn the_greatest_value_fills_the_width_and_others_are_in_proportion() {
        assert_eq!(length(8.0, 8.0), LONGEST);
        assert_eq!(length(4.0, 8.0), LONGEST / 2);
        assert_eq!(length(0.0001, 8.0), 1);
        assert_eq!((length(0.0, 8.0), length(0.0, 0.0)), (0, 0));
    }

    #[test]
    fn every_bar_has_name_length_and_value() {
        let panel = Panel {
            title: "Floods <64 KiB> & more".to_owned(),
            unit: "MB/s".to_owned(),
            bars: vec![
                bar("ours", Some(2000.0)),
                bar("theirs", Some(1000.0)),
                bar("other", None),
            ],
        };
        let svg = svg("Over loopback", &[panel.clone(), panel]);
        assert_eq!(svg.matches("<rect").count(), 6);
        assert_eq!(svg.matches("fill=\"#1f77b4\"").count(), 2);
        assert_eq!(
            svg.matches(&format!("width=\"{}\"", LONGEST / 2)).count(),
            2
        );
        assert_eq!(svg.matches(">failed<").count(), 2);
        assert!(svg.contains("Floods &lt;64 KiB&gt; &amp; more") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn panels_do_not_overlap() {
        let panel = |count| Panel {
            title: String::new(),
            unit: String::new(),
            bars: vec![bar("x", Some(1.0)); count],
        };
        let svg = svg("", &[panel(3), panel(2)]);
        let tops: Vec<usize> = svg
            .lines()
            .filter_map(|line| {
                line.split("\" y=\"")
                    .nth(2)?
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect();
        assert_eq!(tops.len(), 5);
        assert!(
            tops.windows(2).all(|pair| pair[1] >= pair[0] + ROW),
            "{tops:?}"
        );
        let height: usize = HEAD + 2 * PANEL_HEAD + 5 * ROW + MARGIN;
        assert!(svg.contains(&format!("height=\"{height}\"")) && tops[4] + BAR < height);
    }
}
