//! Failpoints: named points of the money path at which a test makes this process die or a write fail.
//!
//! The points and this variable exist only in builds in which the crate `fail` has its feature, and only tests ask for that.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, anyhow};

/// `name=action` for each point, separated by semicolons. An action is `die`, `die@N` for the N-th time that the point is reached, or
/// one of the crate `fail`, such as `2*off->return`.
const VARIABLE: &str = "KALEEM_FAILPOINTS";

/// Arms the points that the environment names; nothing in a production build.
pub(crate) fn arm() -> anyhow::Result<()> {
    if !fail::has_failpoints() {
        return Ok(());
    }
    let Ok(points) = std::env::var(VARIABLE) else { return Ok(()) };
    for point in points.split(';') {
        arm_one(point).with_context(|| format!("{VARIABLE} has {point:?}"))?;
    }
    Ok(())
}

fn arm_one(point: &str) -> anyhow::Result<()> {
    let (name, action) = point.split_once('=').context("a point is name=action")?;
    let armed = match action.strip_prefix("die") {
        None => fail::cfg(name, action),
        Some(turn) => {
            let turn = turn.strip_prefix('@').map_or(Ok(1), str::parse::<usize>)?;
            let seen = AtomicUsize::new(0);
            fail::cfg_callback(name, move || {
                if seen.fetch_add(1, Ordering::Relaxed) + 1 == turn {
                    // Like SIGKILL: nothing is flushed and nothing is dropped.
                    std::process::abort();
                }
            })
        }
    };
    armed.map_err(|why| anyhow!(why))
}
