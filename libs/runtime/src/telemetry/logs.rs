//! Log lines on stderr, without personal data, and the layer that turns spans into traces.

use std::io::{self, IsTerminal as _};

use opentelemetry_sdk::trace::SdkTracer;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use super::mask::Masking;
use super::{Error, LogFormat};

/// What is traced: the spans of our own crates, and what is logged in them from INFO up. Spans are of level DEBUG, so that a
/// process that neither traces nor logs at DEBUG pays nothing for them.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let level = if metadata.is_span() { LevelFilter::DEBUG } else { LevelFilter::INFO };
    metadata.target().starts_with("kaleem") && *metadata.level() <= level
}

pub(super) fn filter(directives: &str) -> Result<EnvFilter, Error> {
    EnvFilter::builder().parse(directives).map_err(|error| Error::Filter(error.to_string()))
}

/// Installs the subscriber unless the process has one already.
pub(super) fn install(format: LogFormat, filter: EnvFilter, tracer: Option<SdkTracer>) {
    // The log filter does not decide what is traced: quiet logs must not make holes in traces.
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_context_activation(false)
            .with_filter(FilterFn::new(is_traced).with_max_level_hint(LevelFilter::DEBUG))
    });
    let lines = lines(format, io::stderr, io::stderr().is_terminal()).with_filter(filter);
    let installed = tracing_subscriber::registry().with(lines).with(spans);
    // An error says that there is a subscriber already, which is then the one that counts.
    let _ = installed.try_init();
}

fn lines<W>(format: LogFormat, writer: W, colours: bool) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(Masking::new(writer, format)).with_ansi(colours);
    match format {
        LogFormat::Pretty => layer.compact().boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged inside a request's span, once within and once below the filter.
    fn logged(format: LogFormat, directives: &str) -> String {
        logged_by(format, directives, || {
            tracing::info_span!("request", request_id = "r-1").in_scope(|| {
                tracing::info_span!("route").in_scope(|| {
                    tracing::info!(stage = "route", "chose a model");
                    tracing::debug!("too loud");
                });
            });
        })
    }

    fn logged_by(format: LogFormat, directives: &str, log: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let lines = lines(format, move || writer.clone(), false).with_filter(filter(directives).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_is_one_object_with_the_request_it_belongs_to() {
        let text = logged(LogFormat::Json, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"chose a model".into()));
        assert_eq!((&line["stage"], &line["spans"][0]["request_id"]), (&"route".into(), &"r-1".into()));
    }

    #[test]
    fn a_pretty_line_is_one_line_without_colours_off_a_terminal() {
        let text = logged(LogFormat::Pretty, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("chose a model") && text.contains("request_id"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn personal_data_of_events_and_spans_is_masked_in_both_forms() {
        for format in [LogFormat::Pretty, LogFormat::Json] {
            let text = logged_by(format, "info", || {
                let customer = "+966 55 123 4567";
                tracing::info_span!("request", customer).in_scope(|| {
                    let error = io::Error::other("no inbox sara@example.com");
                    tracing::info!(%error, card = 4_111_111_111_111_111_u64, "refused SA0380000000608010167519");
                });
            });
            for personal in ["123 4567", "1234567", "sara", "41111111", "SA03"] {
                assert!(!text.contains(personal), "{personal} in {text}");
            }
            for mask in ["***4567", "s***@e***", "***1111", "[IBAN]"] {
                assert!(text.contains(mask), "{mask} is missing in {text}");
            }
        }
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        assert_eq!(logged(LogFormat::Pretty, "warn"), "");
        assert_eq!(logged(LogFormat::Pretty, "debug").lines().count(), 2);
    }
}
