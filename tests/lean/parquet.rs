//! Parquet files, written by pandas and pyarrow (`tests/golden/make/make_parquet.py`): the same prices in many dresses.

use jiff::civil::date;
use qc_data::table::{Shape, Table, TableOptions};
use qc_data::{DataFolder, Error, Field, Resolution, import::ImportOptions};

fn bytes_of(name: &str) -> Vec<u8> {
    let folder = support::paths::workspace_root().join("tests/golden/lean/parquet");
    std::fs::read(folder.join(format!("{name}.parquet"))).unwrap()
}

fn read(name: &str) -> Result<Table, Error> {
    Table::read(&format!("{name}.parquet"), &bytes_of(name), &TableOptions::default())
}

/// What the generator writes for row `n`: `IWM` is missing in every seventh row.
fn spy(n: usize) -> f64 {
    400.0 + 0.25 * n as f64
}

fn iwm(n: usize) -> Option<f64> {
    (n % 7 != 3).then_some(190.0 - 0.5 * n as f64)
}

fn holds_both(table: &Table, name: &str) {
    let (ours, others) = (table.column("SPY", "close").unwrap(), table.column("IWM", "close").unwrap());
    assert_eq!((ours.len(), others.len()), (40, 40), "{name}");
    for row in 0..40 {
        assert_eq!(ours[row], spy(row), "{name}");
        assert_eq!(Some(others[row]).filter(|value| !value.is_nan()), iwm(row), "{name}");
    }
}

#[test]
fn every_packing_holds_the_same_table() {
    for name in ["wide_snappy", "wide_gzip", "wide_plain", "wide_second_pages", "long_dictionary"] {
        let table = read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let shape = if name.starts_with("long") { Shape::Long } else { Shape::Wide };
        assert_eq!((table.found.shape, table.found.separator, table.is_daily()), (shape, None, true), "{name}");
        assert_eq!((table.times[0].date(), table.times[39].date()), (date(2024, 1, 2), date(2024, 2, 26)), "{name}");
        assert_eq!(table.time_zone, None, "{name}");
        holds_both(&table, name);
    }
}

#[test]
fn moments_keep_what_the_file_says_of_their_clock() {
    let zoned = read("wide_with_zone").unwrap();
    assert_eq!((zoned.time_zone.clone(), zoned.times[0].date()), (None, date(2024, 1, 2)));
    holds_both(&zoned, "midnights of New York");
    for name in ["minutes_in_milliseconds", "minutes_in_int96"] {
        let minutes = read(name).unwrap();
        assert_eq!((minutes.n_rows(), minutes.time_zone.clone()), (20, None), "{name}");
        assert_eq!(minutes.times[19].to_string(), "2024-01-02 09:49:00", "{name}");
        assert_eq!(minutes.column("XYZ", "close").unwrap()[19], spy(19), "{name}");
    }
}

#[test]
fn midnights_of_a_clock_that_the_file_names_are_its_days() {
    // 23:00 of the day before on UTC's clock in winter, 15:00 in Tokyo.
    for (name, rows) in [("days_of_berlin", 40), ("days_nine_hours_ahead", 5), ("wide_with_zone", 40)] {
        let table = read(name).unwrap();
        assert!(table.is_daily() && table.time_zone.is_none(), "{name}");
        assert_eq!((table.n_rows(), table.times[0].date()), (rows, date(2024, 1, 2)), "{name}");
        assert_eq!(table.align(Field::Close).dates[4], date(2024, 1, 8), "{name}");
        assert!(table.found.notes.is_empty(), "{name}: {:?}", table.found.notes);
    }
    // Where no clock is named they stay moments of UTC, and the answer says what that means.
    let bare = read("moments_without_clock").unwrap();
    assert_eq!(bare.time_zone, Some(jiff::tz::TimeZone::UTC));
    assert_eq!(bare.times[0].to_string(), "2024-01-01 23:00:00");
    assert!(bare.found.notes.iter().any(|note| note.contains("falls on the day before")), "{:?}", bare.found.notes);
}

#[test]
fn numbers_that_are_never_below_zero_stay_so() {
    let table = read("counts_never_below_zero").unwrap();
    let column = |symbol: &str| table.column(symbol, "close").unwrap().to_vec();
    assert_eq!(column("thirty_two"), [1.0, 2_147_483_648.0, 4_294_967_295.0]);
    assert_eq!(column("sixty_four"), [1.0, 9_223_372_036_854_775_808.0, 18_446_744_073_709_549_568.0]);
    assert_eq!(column("small"), [1.0, 128.0, 255.0]);
    assert_eq!(table.symbols().len(), 3, "times of day are no prices");
    assert!(table.found.notes.iter().any(|note| note.contains("holds times")), "{:?}", table.found.notes);
}

#[test]
fn rows_that_are_merely_repeated_take_room_that_is_counted() {
    // Nine million numbers are 72 megabytes, four million texts 96: both beyond what files of this size may take.
    for (name, bytes) in [("a_number_repeated", 72_000_000), ("texts_of_nothing", 96_000_000)] {
        let size = bytes_of(name).len();
        assert!(size < 64_000, "{name}: {size}");
        let error = read(name).unwrap_err();
        let Error::TooLarge { file, limit, found } = &error else { panic!("{name}: {error}") };
        assert!(file.ends_with("(its cells)") && *limit == 64 << 20, "{name}: {error}");
        assert!(*limit < *found && *found <= bytes, "{name}: refused at the page that goes beyond: {error}");
    }
}

#[test]
fn footers_and_heads_of_pages_have_a_size() {
    let footer = vec![0x11; (16 << 20) + 1];
    let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
    let huge = [b"PAR1".as_slice(), &footer, &length, b"PAR1"].concat();
    let error = Table::read("x.parquet", &huge, &TableOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::TooLarge { file, .. } if file.contains("footer")), "{error}");
    // The head of the first page with a text of a hundred kilobytes in a field that nobody asks for (21).
    let good = bytes_of("minutes_in_milliseconds");
    let text = vec![b'x'; 100_000];
    let field = [&[0x08, 0x2a, 0xa0, 0x8d, 0x06][..], &text].concat();
    let mut bad = good[..4].to_vec();
    bad.extend_from_slice(&field);
    bad.extend_from_slice(&good[4..]);
    let error = Table::read("x.parquet", &bad, &TableOptions::default()).unwrap_err();
    assert!(error.to_string().contains("the head of a page cannot be read"), "{error}");
}

#[test]
fn days_and_whole_numbers_become_a_part_of_a_folder() {
    let table = read("fields_of_days").unwrap();
    assert_eq!((table.found.shape, table.found.date_format.as_str()), (Shape::Fields, "YYYY-MM-DD"));
    assert_eq!(table.column("FIELDS_OF_DAYS", "volume").unwrap()[39], 3_900.0);
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let told = folder.import(&table, &ImportOptions::default()).unwrap();
    assert_eq!((told.resolution, told.symbols[0].rows), (Resolution::Daily, 40));
}

#[test]
fn what_is_not_read_is_refused_by_its_name() {
    let refused = |name: &str| read(name).unwrap_err().to_string();
    assert!(refused("wide_zstd").contains("Zstandard"), "{}", refused("wide_zstd"));
    assert!(refused("nested").contains("columns within columns"), "{}", refused("nested"));
    let no = Table::read("x.parquet", b"date,SPY\n2024-01-02,1\n", &TableOptions::default()).unwrap_err();
    assert!(matches!(no, Error::Damaged { .. }), "{no}");
}

#[test]
fn a_page_that_claims_a_gigabyte_is_refused_before_room_is_made() {
    // The head of the first page: 1: kind (0x15 kind), 2: size unpacked (0x15 varint).
    let good = bytes_of("minutes_in_milliseconds");
    let mut bad = good[..4].to_vec();
    let first = 4;
    assert_eq!((good[first], good[first + 2]), (0x15, 0x15), "the head of a page");
    let sizes = first + 3;
    let length = good[sizes..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    bad.extend_from_slice(&good[first..sizes]);
    bad.extend_from_slice(&[0xfe, 0xff, 0xff, 0xff, 0x07]); // 1073741823 as zigzag varint
    bad.extend_from_slice(&good[sizes + length..]);
    // Offsets of the footer are those of the file before; the first page begins where it did.
    let error = Table::read("x.parquet", &bad, &TableOptions::default()).unwrap_err();
    assert!(matches!(error, Error::TooLarge { found, .. } if 1 << 29 < found), "{error}");
}

#[test]
fn every_cut_and_many_flipped_bits_are_answers() {
    for name in ["wide_snappy", "wide_gzip", "wide_second_pages", "long_dictionary", "minutes_in_int96"] {
        let good = bytes_of(name);
        for cut in (0..good.len()).step_by(23) {
            // A file that is cut has no mark at its end; with one it has a wrong footer.
            let marked = [&good[..cut], b"PAR1"].concat();
            drop(Table::read("x.parquet", &marked, &TableOptions::default()));
        }
        for at in 0..good.len() {
            for bit in [1, 8, 64, 128] {
                let mut bad = good.clone();
                bad[at] ^= bit;
                drop(Table::read("x.parquet", &bad, &TableOptions::default()));
            }
        }
    }
}
