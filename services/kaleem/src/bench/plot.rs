//! Latency by percentile as an SVG picture: both axes logarithmic, one line a measure.

use std::fmt::Write as _;

use super::report::{Percentiles, Report};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
/// Ticks of the horizontal axis: quantile and label.
const TICKS: [(f64, &str); 6] =
    [(0.0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];

/// Where a quantile and a value lie in the picture.
struct Axes {
    /// Powers of ten of the vertical axis, in microseconds.
    low: i32,
    high: i32,
}

impl Axes {
    fn around(lines: &[(&str, &str, &Percentiles)]) -> Self {
        let values =
            || lines.iter().flat_map(|(_, _, figures)| figures.curve.iter().map(|(_, value)| value.max(0.1)));
        let (least, most) =
            values().fold((f64::MAX, 0.1_f64), |(least, most), value| (least.min(value), most.max(value)));
        #[expect(clippy::cast_possible_truncation, reason = "powers of ten of values below ten minutes")]
        let (low, high) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        Self { low, high: high.max(low + 1) }
    }

    fn x(quantile: f64) -> f64 {
        // 0, 0.9, 0.99, 0.999 and 0.9999 are as far apart as the decades of what lies beyond them.
        let decades = -(1.0 - quantile).max(1e-4).log10();
        LEFT + decades / 4.0 * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, micros: f64) -> f64 {
        let share = (micros.max(0.1).log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

/// The picture of `report`.
pub fn svg(report: &Report) -> String {
    let lines: Vec<(&str, &str, &Percentiles)> = [
        ("latency from due", "#b3261e", &report.latency),
        ("service from sent", "#1d5fa8", &report.service),
        ("first text", "#2e7d32", &report.ttft),
        ("between texts", "#8a5a00", &report.gap),
    ]
    .into_iter()
    .filter_map(|(name, colour, figures)| Some((name, colour, figures.as_ref()?)))
    .collect();
    let axes = Axes::around(&lines);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let kind = if report.stream { "streams" } else { "unary requests" };
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"26\" font-size=\"15\">{:?} {kind}: {:.0}/s, {} ok of {} sent</text>",
        report.protocol, report.achieved_rate, report.ok, report.sent
    );
    grid(&mut svg, &axes);
    for (index, line) in lines.iter().enumerate() {
        draw(&mut svg, &axes, line, index);
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, axes: &Axes) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (quantile, label) in TICKS {
        let x = Axes::x(quantile);
        let _ =
            writeln!(svg, "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            bottom + 18.0
        );
    }
    for power in axes.low..=axes.high {
        let micros = 10_f64.powi(power);
        let y = axes.y(micros);
        let label = if micros >= 1e6 {
            format!("{} s", micros / 1e6)
        } else if micros >= 1e3 {
            format!("{} ms", micros / 1e3)
        } else {
            format!("{micros} µs")
        };
        let _ =
            writeln!(svg, "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    let middle = f64::midpoint(LEFT, right);
    let _ = writeln!(
        svg,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">percentile</text>",
        bottom + 40.0
    );
}

fn draw(svg: &mut String, axes: &Axes, (name, colour, figures): &(&str, &str, &Percentiles), index: usize) {
    let points: Vec<String> = figures
        .curve
        .iter()
        .map(|(quantile, value)| format!("{:.1},{:.1}", Axes::x(*quantile), axes.y(*value)))
        .collect();
    let points = points.join(" ");
    let _ =
        writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
    let (x, y) = (WIDTH - RIGHT + 12.0, TOP + 10.0 + 22.0 * index as f64);
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{name}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_every_point() {
        let figures = Percentiles {
            count: 3,
            min: 80.0,
            mean: 100.0,
            p50: 100.0,
            p90: 900.0,
            p99: 20_000.0,
            p999: 20_000.0,
            max: 20_000.0,
            curve: vec![(0.0, 80.0), (0.5, 100.0), (0.9999, 20_000.0)],
        };
        let axes = Axes::around(&[("a", "#000", &figures)]);
        assert_eq!((axes.low, axes.high), (1, 5));
        for (quantile, value) in &figures.curve {
            assert!((LEFT..=WIDTH - RIGHT).contains(&Axes::x(*quantile)));
            assert!((TOP..=HEIGHT - BOTTOM).contains(&axes.y(*value)));
        }
        assert!(axes.y(80.0) > axes.y(20_000.0), "more is higher up");
    }
}
