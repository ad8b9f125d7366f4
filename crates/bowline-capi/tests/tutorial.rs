//! The pieces of code in `docs/c-tutorial.md` are cut from examples that are compiled and run.

use std::fs;
use std::path::Path;

/// The pieces of a page, each with the file that a comment before it names.
fn pieces(page: &str) -> Vec<(String, String)> {
    let mut pieces = Vec::new();
    let mut lines = page.lines();
    let mut file = None;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("<!-- ") {
            file = name.strip_suffix(" -->").map(str::to_owned);
        } else if line == "```c" {
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let file = file.take().expect("each piece names its file");
            pieces.push((file, code.join("\n")));
        }
    }
    pieces
}

#[test]
fn the_tutorial_shows_what_the_examples_do() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = crate_folder.join("../../docs/c-tutorial.md");
    let page = fs::read_to_string(page).expect("the tutorial can be read");
    let pieces = pieces(&page);
    assert!(pieces.len() > 10, "{} pieces", pieces.len());
    for (file, code) in pieces {
        let source = crate_folder.join("examples").join(&file);
        let source = fs::read_to_string(&source).expect("the example can be read");
        assert!(source.contains(&code), "not in {file}:\n{code}");
    }
}

#[test]
fn a_piece_ends_with_its_fence() {
    let page = "a\n<!-- x.c -->\n```c\none\n\ntwo\n```\nb\n<!-- y.c -->\n```c\nthree\n```\n";
    let expected = [("x.c", "one\n\ntwo"), ("y.c", "three")];
    assert_eq!(
        pieces(page),
        expected.map(|(file, code)| (file.to_owned(), code.to_owned()))
    );
}
