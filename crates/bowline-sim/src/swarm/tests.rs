use super::*;

#[test]
fn scenarios_keep_every_promise() {
    for seed in 0..30 {
        if let Err(failure) = play(seed) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_panic_is_told_as_a_failure() {
    assert_eq!(panic_text(&"static"), "static");
    assert_eq!(panic_text(&String::from("owned")), "owned");
    assert_eq!(panic_text(&7), "without a text");
}

#[test]
fn magnitudes_cover_their_range() {
    let mut rng = Rng::from_seed([4; 32]);
    let all: Vec<u32> = (0..10_000).map(|_| magnitude(&mut rng, 2, 1000)).collect();
    assert_eq!(
        (all.iter().min(), all.iter().max()),
        (Some(&2), Some(&1000))
    );
    let small = all.iter().filter(|n| **n < 32).count();
    assert!((3_000..7_000).contains(&small), "{small}");
}
