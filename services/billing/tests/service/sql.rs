//! Every statement of the ledger, prepared by both databases on the tables of the migrations.

use std::path::Path;

use kaleem_testkit::statements::Statements;

/// Each expression as the two halves that it is summed in.
fn sums(texts: &[String]) -> String {
    let halves = texts.chunks(2).map(|pair| {
        let [expression, name] = pair else { unreachable!("an expression has a name") };
        format!(
            "CAST(sum(({expression}) >> 32) AS BIGINT) AS {name}_high, CAST(sum(({expression}) & 4294967295) AS BIGINT) AS {name}_low"
        )
    });
    halves.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn both_databases_prepare_every_statement_and_answer_what_is_read() {
    let service = Path::new(env!("CARGO_MANIFEST_DIR"));
    let statements = Statements::read(&service.join("src/store"), &[("sums", sums)]);
    // Rows of a table, of which there is an event recorded, a statement closed and a bill imported in the other tests of both stores.
    let inserted = "sqlite/session.rs: INSERT INTO {name} VALUES …{on_conflict}";
    assert_eq!(statements.unresolved(), [inserted]);
    assert!(statements.count() > 50, "{} statements", statements.count());
    assert_eq!(statements.faults(service, "billing").await, Vec::<String>::new());
}
