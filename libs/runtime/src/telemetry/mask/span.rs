//! Spans on their way to a collector.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::{masked, masked_field};

/// Masks every text of the spans that it passes on, on the exporting thread.
#[derive(Debug)]
pub(in crate::telemetry) struct MaskedExporter<E>(pub(in crate::telemetry) E);

impl<E: SpanExporter> SpanExporter for MaskedExporter<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(mask);
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn mask(span: &mut SpanData) {
    mask_text(&mut span.name);
    span.attributes.iter_mut().for_each(mask_attribute);
    for event in &mut span.events.events {
        mask_text(&mut event.name);
        event.attributes.iter_mut().for_each(mask_attribute);
    }
    if let Status::Error { description } = &mut span.status {
        mask_text(description);
    }
}

fn mask_text(text: &mut Cow<'static, str>) {
    if let Some(masked) = masked(text) {
        *text = Cow::Owned(masked);
    }
}

fn mask_attribute(attribute: &mut KeyValue) {
    let name = attribute.key.as_str();
    let mask = |text: &str| masked_field(name, text).map(StringValue::from);
    match &mut attribute.value {
        Value::String(text) => {
            if let Some(masked) = mask(text.as_str()) {
                *text = masked;
            }
        }
        Value::I64(number) => {
            if let Some(masked) = mask(&number.to_string()) {
                attribute.value = Value::String(masked);
            }
        }
        Value::Array(Array::String(texts)) => {
            for text in texts {
                if let Some(masked) = mask(text.as_str()) {
                    *text = masked;
                }
            }
        }
        _ => {}
    }
}
