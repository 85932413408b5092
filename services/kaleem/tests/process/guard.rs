//! `kaleem guard` as a process: exit codes, streams, order.

use std::fs;

use crate::server::{Folder, kaleem};

const POLICY: &str = r#"{"policy":{"currency":"SAR","prices":[{"sku":"AB","names":["عباية سوداء"],"amount":"89.00"}],"shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14}}"#;

#[test]
fn answers_are_checked_without_a_server() {
    let folder = Folder::new();
    let lines = [
        POLICY,
        r#"{"id":"1","lang":"ar","answer":"سعر العباية ٨٩ ريال والشحن ٢٥ ريال ويصلك خلال يومين إلى أربعة أيام."}"#,
        r#"{"id":"2","lang":"ar","answer":"سعر العباية تسعة وسبعون ريالاً."}"#,
        r#"{"id":"3","lang":"en","answer":"It comes with a two-year warranty."}"#,
    ];
    let file = folder.path().join("answers.jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    let said = kaleem(&folder, &["guard", file.to_str().unwrap()]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let expected = [
        r#"{"id":"1","verdict":"pass","violations":[]}"#,
        r#"{"id":"2","verdict":"violate","violations":[{"field":"price","found":"تسعة وسبعون ريالاً","start":12,"end":30}]}"#,
        r#"{"id":"3","verdict":"unsure","violations":[]}"#,
    ];
    assert_eq!(said.stdout.lines().collect::<Vec<_>>(), expected);
    fs::write(&file, format!("{POLICY}\nnot json\n{}", lines[2])).unwrap();
    let said = kaleem(&folder, &["guard", file.to_str().unwrap()]);
    assert_eq!(said.code, 65, "{said:?}");
    assert_eq!(said.stdout.lines().collect::<Vec<_>>(), expected[1..2]);
    assert!(said.stderr.contains("line 2: is not valid JSON"), "{}", said.stderr);
}
