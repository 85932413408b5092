//! Every statement of the store, prepared by both databases on the tables of the migrations.

use std::path::Path;

use kaleem_testkit::statements::Statements;

#[tokio::test]
async fn both_databases_prepare_every_statement_and_answer_what_is_read() {
    let service = Path::new(env!("CARGO_MANIFEST_DIR"));
    let statements = Statements::read(&service.join("src/store"), &[]);
    assert_eq!(statements.unresolved(), Vec::<String>::new().as_slice());
    assert!(statements.count() >= 15, "{} statements", statements.count());
    assert_eq!(statements.faults(service, "accounts").await, Vec::<String>::new());
}
