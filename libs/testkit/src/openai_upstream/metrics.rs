//! `/metrics`: the recorded scrape of an idle server with the numbers that a test or the worker itself has
//! changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Engine;
use crate::transcript::METRICS_IDLE;

/// The metrics of the short form, those that a pool reads.
const SHORT: [&str; 13] = [
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:num_requests_waiting_by_reason",
    "vllm:engine_sleep_state",
    "vllm:kv_cache_usage_perc",
    "vllm:prefix_cache_queries_total",
    "vllm:prefix_cache_hits_total",
    "vllm:num_preemptions_total",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
    "vllm:request_success_total",
    "vllm:admission_rejections_total",
    "vllm:cache_config_info",
];

/// Changes to the numbers of `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    values: BTreeMap<(String, String), f64>,
    removed: BTreeSet<String>,
    renamed: BTreeMap<String, String>,
    is_full: bool,
}

impl Gauges {
    /// Sets every series of the metric `name`.
    pub fn set(&mut self, name: &str, value: f64) {
        self.set_labelled(name, "", value);
    }

    /// Sets the series of the metric `name` whose labels contain `label`, such as `reason="capacity"`.
    pub fn set_labelled(&mut self, name: &str, label: &str, value: f64) {
        self.values.insert((name.to_owned(), label.to_owned()), value);
    }

    /// Leaves the metric `name` out, as a server of another version does.
    pub fn remove(&mut self, name: &str) {
        self.removed.insert(name.to_owned());
    }

    /// Exports the metric `name` under `other`, as a server of another version does.
    pub fn rename(&mut self, name: &str, other: &str) {
        self.renamed.insert(name.to_owned(), other.to_owned());
    }

    /// Sends the whole scrape of 59 kB instead of the 13 metrics that a pool reads.
    pub fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    fn value(&self, name: &str, labels: &str) -> Option<f64> {
        let matching =
            self.values.iter().filter(|((known, label), _)| known == name && labels.contains(label.as_str()));
        // The longest label is the most exact setting.
        matching.max_by_key(|((_, label), _)| label.len()).map(|(_, value)| *value)
    }
}

/// What the worker itself knows at the time of a scrape.
pub(crate) struct Live<'a> {
    pub(crate) model: &'a str,
    pub(crate) engine: Engine,
    pub(crate) running: usize,
}

impl Live<'_> {
    fn value(&self, name: &str, labels: &str) -> Option<f64> {
        match name {
            "vllm:num_requests_running" if self.engine == Engine::Awake => Some(self.running as f64),
            "vllm:engine_sleep_state" => {
                let state = match self.engine {
                    Engine::Awake => "awake",
                    Engine::Asleep { level: 1 } => "weights_offloaded",
                    Engine::Asleep { .. } => "discard_all",
                };
                Some(if labels.contains(&format!("sleep_state=\"{state}\"")) { 1.0 } else { 0.0 })
            }
            _ => None,
        }
    }
}

/// Writes the exposition text.
pub(crate) fn exposition(gauges: &Gauges, live: &Live<'_>) -> String {
    let mut text = String::new();
    for line in METRICS_IDLE.lines() {
        let comment = ["# HELP ", "# TYPE "].into_iter().find(|mark| line.starts_with(mark));
        let name_at = comment.map_or(0, str::len);
        let rest = &line[name_at..];
        let name = &rest[..rest.find(['{', ' ']).unwrap_or(rest.len())];
        let is_wanted = gauges.is_full || SHORT.contains(&name);
        if !is_wanted || gauges.removed.contains(name) {
            continue;
        }
        let shown = gauges.renamed.get(name).map_or(name, String::as_str);
        let rest = &rest[name.len()..];
        if let Some(mark) = comment {
            let _ = writeln!(text, "{mark}{shown}{rest}");
            continue;
        }
        let (labels, recorded) = rest.rsplit_once(' ').unwrap_or((rest, ""));
        let changed = gauges.value(name, labels).or_else(|| live.value(name, labels));
        let value = changed.map_or_else(|| recorded.to_owned(), |value| format!("{value:?}"));
        let labels = labels.replace("model_name=\"tiny-llama\"", &format!("model_name=\"{}\"", live.model));
        let _ = writeln!(text, "{shown}{labels} {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Live<'_> = Live { model: "tiny-llama", engine: Engine::Awake, running: 0 };

    #[test]
    fn an_untouched_full_scrape_is_the_recording() {
        let mut gauges = Gauges::default();
        gauges.set_full(true);
        assert_eq!(exposition(&gauges, &IDLE), METRICS_IDLE);
    }

    #[test]
    fn changes_reach_their_series_only() {
        let mut gauges = Gauges::default();
        gauges.set("vllm:num_requests_waiting", 3.0);
        gauges.set_labelled("vllm:num_requests_waiting_by_reason", "reason=\"capacity\"", 2.0);
        gauges.rename("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc");
        gauges.remove("vllm:num_preemptions_total");
        let text = exposition(&gauges, &Live { running: 4, model: "shop-faq", ..IDLE });
        let has = |line: &str| text.lines().any(|known| known == line);
        assert!(has("vllm:num_requests_running{engine=\"0\",model_name=\"shop-faq\"} 4.0"), "{text}");
        assert!(has("vllm:num_requests_waiting{engine=\"0\",model_name=\"shop-faq\"} 3.0"), "{text}");
        let by_reason = "vllm:num_requests_waiting_by_reason{engine=\"0\",model_name=\"shop-faq\",reason=";
        assert!(has(&format!("{by_reason}\"capacity\"}} 2.0")), "{text}");
        assert!(has(&format!("{by_reason}\"deferred\"}} 0.0")), "{text}");
        assert!(text.contains("vllm:gpu_cache_usage_perc{") && !text.contains("vllm:kv_cache_usage_perc"));
        assert!(!text.contains("num_preemptions_total"));
        assert!(text.len() < 8_000, "the short form is short, not {} bytes", text.len());
    }
}
