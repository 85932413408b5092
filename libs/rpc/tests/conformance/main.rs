//! One suite over every transport: what a caller sees must not depend on where the service runs.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops at its first surprise")]

mod cases;
mod listener;
mod mutual_tls;
mod peer;
mod scripted;
mod watch;

macro_rules! over {
    ($module:ident, $wire:ident: $($case:ident),*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::cases::$case(crate::peer::Wire::$wire).await;
                }
            )*
        }
    };
}

macro_rules! over_every_transport {
    ($($case:ident),* $(,)?) => {
        over!(in_process, InProcess: $($case),*);
        over!(tcp, Tcp: $($case),*);
        over!(mutual_tls_tcp, MutualTls: $($case),*);
    };
}

over_every_transport!(
    a_unary_call_is_answered,
    a_stream_arrives_whole_and_in_order,
    many_streams_wait_unread_on_one_connection,
    a_fault_keeps_every_detail,
    a_fault_after_a_message_keeps_every_detail,
    a_fault_with_many_violations_keeps_its_reason,
    a_panic_is_an_answer_and_the_service_lives,
    a_panic_after_a_message_ends_the_stream,
    a_unary_deadline_is_named_as_such,
    a_stream_deadline_counts_after_the_headers,
    the_default_deadline_bounds_calls_that_bring_none,
    a_longer_deadline_than_allowed_is_cut,
    a_dropped_stream_stops_the_handler,
    a_dropped_call_stops_the_handler,
    a_call_over_the_limit_is_shed,
    a_message_over_the_limit_is_refused,
    a_message_that_cannot_be_read_is_the_callers_fault,
    extensions_of_the_caller_stay_outside,
    the_context_arrives,
);
