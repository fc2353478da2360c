//! Any bytes in any file of a data folder: noise, and good files with something changed. Nothing panics, and rows that
//! come back are whole (the bodies in `support::data` assert that).

use support::data::FUZZ_BODIES;

/// A small generator (Marsaglia's xorshift64*): the same noise everywhere.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Good files, whatever they are for: each is fed to every reader.
const SEEDS: &[&str] = &[
    "20190102 00:00,10000,10000,10000,10000,7\n20190103 00:00,10000,10000,10000,10000,7\n",
    "34200000,10000,10100,9900,10000,7,10001,10101,9901,10001,8\n34260000,,,,,0,10001,10101,9901,10001,8\n",
    "34200000.5,10000,7,Q,0,1\n34200001,0,0,10001,8,Q,0,0\n",
    "20190102,x\n20190104,y\n20501231,x\n",
    "20190102,0.9,0.5,1\n20190104,0.95,1,12.5\n20501231,1,1,0\n",
    "18991230,es,CME\n20190104,es vmklfzih2mtd,CME,2\n20501231,es vp274hsu1af5,CME,2\n",
    "{\"Date\":\"2019-01-04T00:00:00\",\"BackwardsRatioScale\":[0.9],\"BackwardsPanamaCanalScale\":[-1],\"ForwardPanamaCanalScale\":[1],\"DataMappingMode\":2}",
    "AAPL,AAPL R735QTJ8XC9X,20190102,0.05,100,1000\n",
    "AAPL R735QTJ8XC9X,AAPL,100,1000,100000,True,0.9,0.5\n",
    "#expiry,strike\n,,,1,2,0.5,1.5,7\n20190118,42.5,C,1,2,0.5,1.5,7,3,0.2,0.5,0.1,0.1,0.1,0.1\n",
    "201903,1,2,0.5,1.5,7,3\n",
    "market,symbol,type\nusa,[*],equity,,USD,1,0.01,1\n",
    "date,SPY,IWM\n2019-01-02,1,2\n2019-01-03,1.5,\n",
    "symbol;date;close\nSPY;31.01.2019;1,5\n",
    "{\"entries\": {\"Equity-usa-[*]\": {\"dataTimeZone\": \"UTC\", \"exchangeTimeZone\": \"UTC\", \"monday\": [{\"start\": \"00:00:00\", \"end\": \"1.00:00:00\", \"state\": \"market\"}], \"holidays\": [\"1/8/2019\"], \"earlyCloses\": {\"1/4/2019\": \"13:00:00\"}, \"lateOpens\": {\"1/4/2019\": \"14:00:00\"}}}}",
    "AAPL XEOLB4YAUINA|AAPL R735QTJ8XC9X",
];

/// Pieces that make trouble where something else was.
const PIECES: &[&str] = &[
    "",
    "\n",
    "\r\n",
    ",",
    ",,,,",
    "-",
    ".",
    "0",
    "-1",
    "1e308",
    "99999999999999999999",
    "inf",
    "NaN",
    "20501231",
    "00000000",
    "99991231",
    "\"",
    "\u{feff}",
    "{",
    "[",
    "2147483648",
    "172800001",
    "20190102 24:00",
    "|",
    " ",
];

fn spoil(seed: &[u8], random: &mut Noise) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            _ => bytes.extend_from_within(at..(at + random.below(60)).min(bytes.len())),
        }
    }
    bytes
}

fn survives(bytes: &[u8]) {
    for (_, body) in FUZZ_BODIES {
        body(bytes);
    }
}

#[test]
fn noise_never_panics() {
    let mut random = Noise(11);
    for _ in 0..8 {
        let length = random.below(200);
        survives(&(0..length).map(|_| random.next() as u8).collect::<Vec<u8>>());
    }
}

#[test]
fn spoiled_files_never_panic() {
    let mut random = Noise(12);
    for seed in SEEDS {
        survives(seed.as_bytes());
        for _ in 0..3 {
            survives(&spoil(seed.as_bytes(), &mut random));
        }
    }
}

#[test]
fn spoiled_zips_never_panic() {
    let mut random = Noise(13);
    let zip = qc_data::write::zip_of([("x.csv", SEEDS[3].as_bytes()), ("a/x.csv", SEEDS[4].as_bytes())]).unwrap();
    for (_, body) in FUZZ_BODIES.iter().filter(|(name, _)| matches!(*name, "zip" | "security_master")) {
        for _ in 0..40 {
            body(&spoil(&zip, &mut random));
        }
    }
}

#[test]
fn deep_nesting_and_long_lines_never_panic() {
    for text in ["[".repeat(50_000), "{\"entries\":".repeat(5_000), ",".repeat(100_000), "9".repeat(100_000)] {
        survives(text.as_bytes());
    }
}

/// Finds of the fuzzer, and inputs where a reader would break first, kept as files, replay here.
#[test]
fn saved_finds_never_panic() {
    let folder = support::paths::workspace_root().join("tests/golden/lean/finds");
    let mut finds: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none())
        .collect();
    finds.sort();
    assert!(10 <= finds.len(), "{} finds were read", finds.len());
    for path in finds {
        let bytes = std::fs::read(&path).unwrap();
        for (body, run) in FUZZ_BODIES {
            let outcome = std::panic::catch_unwind(|| run(&bytes));
            assert!(outcome.is_ok(), "{} breaks {body}", path.display());
        }
    }
}
