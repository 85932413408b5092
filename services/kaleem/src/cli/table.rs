//! What the tables of the operator's commands share.

use std::{io::Write as _, ops::Range};

use comfy_table::{CellAlignment, Table};
use kaleem_domain::Pico;
use kaleem_rpc::convert;
use serde_json::Value;

/// Puts numbers under each other.
pub(super) fn numbers_to_the_right(table: &mut Table, columns: Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// An instant in UTC; empty where there is none.
pub(super) fn instant(at: Option<&prost_types::Timestamp>) -> String {
    at.map(|at| convert::from_timestamp(at).to_string()).unwrap_or_default()
}

/// Dollars with every decimal that matters.
pub(super) fn dollars(pico: i64) -> String {
    Pico::new(i128::from(pico)).to_string()
}

/// Prints for people or for programs.
pub(super) fn print(json: Option<Value>, tables: impl FnOnce() -> String) -> anyhow::Result<()> {
    let text = match json {
        Some(json) => serde_json::to_string_pretty(&json)?,
        None => tables(),
    };
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}
