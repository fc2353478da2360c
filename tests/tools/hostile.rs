//! Price files that somebody spoiled, asked for through a tool: the answer names file, line and column, or reads what LEAN
//! reads, and never repeats what a cell holds.

use std::io::{Cursor, Write};

use serde_json::json;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::research::{Desk, market_copy, over};

fn zipped(text: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("ko.csv", SimpleFileOptions::default()).unwrap();
    zip.write_all(text).unwrap();
    zip.finish().unwrap().into_inner()
}

fn day(day: u32, price: i64) -> String {
    format!("202401{day:02} 00:00,{price},{price},{price},{price},100\n")
}

/// The closes of KO from 2 to 9 January 2024 with these bytes as its daily file, or what the tool refuses with.
async fn closes(bytes: &[u8]) -> Result<Vec<f64>, String> {
    let market = market_copy();
    std::fs::write(market.path().join("equity/usa/daily/ko.zip"), bytes).unwrap();
    let desk = Desk::over(market.path()).await;
    let mut ask = over(&["KO"], "2024-01-02", "2024-01-09");
    ask["fields"] = json!(["close"]);
    ask["normalization"] = json!("Raw");
    ask["fill_forward"] = json!(false);
    let answer = desk.call("get_history", ask).await;
    if answer.is_error {
        return Err(answer.text);
    }
    let rows = answer.data["table"]["rows"].as_array().unwrap();
    Ok(rows.iter().map(|row| row[2].as_f64().unwrap()).collect())
}

#[tokio::test]
async fn spoiled_files_are_named_by_line_and_column_or_not_opened_at_all() {
    let (one, two, three) = (day(2, 10_000), day(3, 20_000), day(4, 30_000));
    let good = zipped(format!("{one}{two}{three}").as_bytes());
    let mut flipped = good.clone();
    flipped[45] ^= 0x55;
    let bomb = zipped(&vec![b'0'; 64 << 20]);
    for (what, bytes, says) in [
        ("a zip that is cut off", good[..good.len() / 2].to_vec(), "ko.zip"),
        ("a zip with a wrong byte", flipped, "ko.zip"),
        ("a bomb", bomb, "ko.zip"),
        ("no zip", b"secret words".to_vec(), "ko.zip"),
        (
            "a zero byte in a number",
            zipped(format!("{one}20240103 00:00,2\0,2,2,2,1\n").as_bytes()),
            "line 2, column 2",
        ),
        (
            "a word in a number",
            zipped(format!("{one}{two}20240104 00:00,1,1,secret,1,1\n").as_bytes()),
            "line 3, column 4",
        ),
        ("a day that is none", zipped(format!("{one}20241399 00:00,1,1,1,1,1\n").as_bytes()), "line 2, column 1"),
        ("a line that ends early", zipped(format!("{one}20240103 00:00,1,1\n").as_bytes()), "line 2, column 4"),
        ("a number beyond all", zipped(format!("{one}20240103 00:00,1e9,1,1,1,1\n").as_bytes()), "line 2, column 2"),
        ("bytes that are no text", zipped(b"\xff\xfe\x00\x01\n"), "line 1, column 1"),
    ] {
        let text = closes(&bytes).await.expect_err(what);
        assert!(text.contains(says), "{what}: {text}");
        assert!(text.contains("equity/usa/daily/ko.zip") && !text.contains("secret"), "{what}: {text}");
    }
}

#[tokio::test]
async fn what_lean_reads_is_read() {
    let (one, two, three) = (day(2, 10_000), day(3, 20_000), day(4, 30_000));
    for (what, text, expected) in [
        (
            "windows line ends and a mark of the byte order",
            format!("\u{feff}{one}{two}").replace('\n', "\r\n"),
            vec![1.0, 2.0],
        ),
        ("blank lines, and none at the end", format!("\n{one}\n\n{}", two.trim_end()), vec![1.0, 2.0]),
        ("a day that comes twice", format!("{one}{two}{two}{three}"), vec![1.0, 2.0, 3.0]),
        ("days out of order", format!("{one}{three}{two}"), vec![1.0, 3.0]),
        ("a price below zero", format!("{one}{}", day(3, -20_000)), vec![1.0, -2.0]),
    ] {
        assert_eq!(closes(&zipped(text.as_bytes())).await.as_ref(), Ok(&expected), "{what}");
    }
}
