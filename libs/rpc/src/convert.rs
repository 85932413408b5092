//! Between domain values and the messages of the wire.

use std::time::Duration;

use kaleem_domain::{ServiceTier, Timestamp, TokenUsage, UsageSource, price};
use kaleem_proto::{billing::v1 as billing, chat::v1 as chat};

/// An instant as protobuf.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = at.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// An instant from protobuf, cut to milliseconds.
pub fn from_timestamp(at: &prost_types::Timestamp) -> Timestamp {
    Timestamp::from_seconds_nanos(at.seconds, at.nanos)
}

/// A span as protobuf; saturates at the largest that protobuf can say.
pub fn duration(span: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    #[expect(clippy::cast_possible_wrap, reason = "below 1e9")]
    let nanos = span.subsec_nanos() as i32;
    prost_types::Duration { seconds, nanos }
}

/// A span from protobuf; `None` if it is negative or malformed.
pub fn from_duration(span: &prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(span.seconds).ok()?;
    let nanos = u32::try_from(span.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

/// Token counts as protobuf.
pub fn usage(usage: &TokenUsage) -> chat::TokenUsage {
    let source = match usage.source {
        UsageSource::Provider => chat::UsageSource::Provider,
        UsageSource::Counted => chat::UsageSource::Counted,
        UsageSource::Partial => chat::UsageSource::Partial,
    };
    chat::TokenUsage {
        input_fresh_count: usage.input_fresh,
        input_cache_read_count: usage.input_cache_read,
        input_cache_write_count: usage.input_cache_write,
        input_tool_count: usage.input_tool,
        output_text_count: usage.output_text,
        output_reasoning_count: usage.output_reasoning,
        source: source.into(),
        input_image_count: usage.input_image,
        input_audio_count: usage.input_audio,
        input_cache_write_1h_count: usage.input_cache_write_1h,
        service_tier: service_tier(usage.service_tier).into(),
        unexplained_count: usage.unexplained,
    }
}

/// A tier as protobuf.
pub const fn service_tier(tier: ServiceTier) -> chat::ServiceTier {
    match tier {
        ServiceTier::Standard => chat::ServiceTier::Standard,
        ServiceTier::Batch => chat::ServiceTier::Batch,
    }
}

/// A tier from protobuf; one that is not named is standard.
pub const fn from_service_tier(tier: chat::ServiceTier) -> ServiceTier {
    match tier {
        chat::ServiceTier::Batch => ServiceTier::Batch,
        chat::ServiceTier::Standard | chat::ServiceTier::Unspecified => ServiceTier::Standard,
    }
}

/// Token counts from protobuf; an unknown source counts as ours.
pub fn from_usage(usage: &chat::TokenUsage) -> TokenUsage {
    let source = match usage.source() {
        chat::UsageSource::Provider => UsageSource::Provider,
        chat::UsageSource::Partial => UsageSource::Partial,
        chat::UsageSource::Counted | chat::UsageSource::Unspecified => UsageSource::Counted,
    };
    TokenUsage {
        input_fresh: usage.input_fresh_count,
        input_cache_read: usage.input_cache_read_count,
        input_cache_write: usage.input_cache_write_count,
        input_tool: usage.input_tool_count,
        output_text: usage.output_text_count,
        output_reasoning: usage.output_reasoning_count,
        input_image: usage.input_image_count,
        input_audio: usage.input_audio_count,
        input_cache_write_1h: usage.input_cache_write_1h_count,
        source,
        service_tier: from_service_tier(usage.service_tier()),
        unexplained: usage.unexplained_count,
    }
}

/// A price version as protobuf.
pub fn price_version(version: &price::PriceVersion) -> billing::PriceVersion {
    let rates = version.rates.iter().map(|rate| billing::price_version::Rate {
        book: match rate.book {
            price::Book::Cost => billing::PriceBook::Cost.into(),
            price::Book::Sell => billing::PriceBook::Sell.into(),
        },
        component: price_component(rate.component).into(),
        pico_usd_per_unit: rate.pico_usd_per_unit,
        min_input_token_count: rate.min_input_token_count,
        service_tier: service_tier(rate.service_tier).into(),
    });
    billing::PriceVersion {
        price_version: version.price_version.clone(),
        target: version.target.clone(),
        model: version.model.clone(),
        effective_time: Some(timestamp(version.effective_time)),
        source: version.source.clone(),
        verified: version.verified,
        rates: rates.collect(),
    }
}

/// A price version from protobuf; the error names the field that is wrong.
pub fn from_price_version(version: &billing::PriceVersion) -> Result<price::PriceVersion, &'static str> {
    let rates = version.rates.iter().map(|rate| {
        let book = match rate.book() {
            billing::PriceBook::Cost => price::Book::Cost,
            billing::PriceBook::Sell => price::Book::Sell,
            billing::PriceBook::Unspecified => return Err("rates.book"),
        };
        let component = from_price_component(rate.component()).ok_or("rates.component")?;
        Ok(price::Rate {
            book,
            component,
            pico_usd_per_unit: rate.pico_usd_per_unit,
            min_input_token_count: rate.min_input_token_count,
            service_tier: from_service_tier(rate.service_tier()),
        })
    });
    Ok(price::PriceVersion {
        price_version: version.price_version.clone(),
        target: version.target.clone(),
        model: version.model.clone(),
        effective_time: from_timestamp(version.effective_time.as_ref().ok_or("effective_time")?),
        source: version.source.clone(),
        verified: version.verified,
        rates: rates.collect::<Result<_, _>>()?,
    })
}

/// A price component as protobuf.
pub fn price_component(component: price::Component) -> billing::PriceComponent {
    use billing::PriceComponent as Wire;
    match component {
        price::Component::InputFresh => Wire::InputFresh,
        price::Component::InputCacheRead => Wire::InputCacheRead,
        price::Component::InputCacheWrite => Wire::InputCacheWrite,
        price::Component::InputTool => Wire::InputTool,
        price::Component::OutputText => Wire::OutputText,
        price::Component::OutputReasoning => Wire::OutputReasoning,
        price::Component::Request => Wire::Request,
        price::Component::InputImage => Wire::InputImage,
        price::Component::InputAudio => Wire::InputAudio,
        price::Component::InputCacheWrite1h => Wire::InputCacheWrite1h,
    }
}

fn from_price_component(component: billing::PriceComponent) -> Option<price::Component> {
    price::Component::ALL.into_iter().find(|ours| price_component(*ours) == component)
}
