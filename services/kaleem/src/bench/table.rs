//! The figures of a run for people.

use std::fmt::Write as _;

use comfy_table::Table;

use super::report::{Percentiles, Report, ServerUse};

/// `report` as a table and some lines around it.
pub fn table(report: &Report) -> String {
    let mut text = head(report);
    let mut table = Table::new();
    table.set_header(["µs", "min", "mean", "p50", "p90", "p99", "p99.9", "max", "count"]);
    let rows = [
        ("latency (from due)", &report.latency),
        ("service (from sent)", &report.service),
        ("first text", &report.ttft),
        ("between texts", &report.gap),
    ];
    for (name, figures) in rows {
        if let Some(figures) = figures {
            table.add_row(row(name, figures));
        }
    }
    for (stage, figures) in &report.stages {
        table.add_row(row(&format!("stage {stage}"), figures));
    }
    let _ = writeln!(text, "{table}");
    if let Some(server) = &report.server {
        used(&mut text, "server", server);
    }
    if let Some(generator) = &report.generator {
        used(&mut text, "generator", generator);
    }
    text
}

fn head(report: &Report) -> String {
    let protocol = format!("{:?}", report.protocol).to_lowercase();
    let kind = if report.stream { "streams" } else { "unary requests" };
    let load = match report.rate {
        Some(rate) => format!("{rate}/s wanted, at most {} at once", report.concurrency),
        None => format!("{} at once, as fast as answers come", report.concurrency),
    };
    let mut text = format!("{protocol} {kind} for {} s: {load}\n", report.duration_s);
    let _ = writeln!(text, "achieved {:.1}/s; {} sent, {} ok", report.achieved_rate, report.sent, report.ok);
    if report.unsent > 0 {
        let _ = writeln!(
            text,
            "NOT KEPT UP: {} requests were due and never sent, and are in no percentile",
            report.unsent
        );
    }
    for (reason, count) in &report.errors {
        let _ = writeln!(text, "failed   {count} × {reason}");
    }
    text
}

fn row(name: &str, figures: &Percentiles) -> Vec<String> {
    let values =
        [figures.min, figures.mean, figures.p50, figures.p90, figures.p99, figures.p999, figures.max];
    let mut cells = vec![name.to_owned()];
    cells.extend(values.iter().map(|value| format!("{value:.0}")));
    cells.push(figures.count.to_string());
    cells
}

fn used(text: &mut String, name: &str, used: &ServerUse) {
    let mib = |kib: u64| kib as f64 / 1024.0;
    let _ = writeln!(
        text,
        "{name:<9} {:.1} µs of CPU a request, {:.2} cores busy, {:.1} MiB resident ({:.1} MiB at most)",
        used.cpu_us_per_request,
        used.cpu_cores,
        mib(used.resident_kib),
        mib(used.resident_peak_kib)
    );
}
