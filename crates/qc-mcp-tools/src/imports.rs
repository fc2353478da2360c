//! A table of the user's becomes the source of a workbook, or new files of a LEAN folder.
//!
//! Bars of a table live in a private temporary LEAN folder that goes with the server, so every tool reads them as it
//! reads any folder. What the file says of itself (names of symbols and columns) is foreign.

use qc_data::{
    DataFolder, Resolution, SecurityType, Table,
    import::{ImportOptions, Imported, ImportedSymbol, Stamp},
    table::{DateFormat, DecimalMark, Found, TableOptions},
};
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    args::quote,
    ctx::Ctx,
    error::{Kind, Topic},
    quantbook::{Source, TableLayout, TableSource},
    reply::{self, Untrusted},
    research::ResearchArgs,
    server::QcServer,
    settings::Mode,
    study::open_source,
};

/// Symbols one answer shows.
const MAX_SHOWN: usize = 20;

/// Largest file of prices, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;

/// A table read and written as a LEAN folder.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// How the file was understood.
    pub(crate) found: Found,
    /// What was written.
    pub(crate) imported: Imported,
}

/// Reads the bytes of a table and writes its bars into a folder.
///
/// # Errors
/// A file that is no table, rows that can be no bars, names in the layout that are none.
pub(crate) fn take(folder: &DataFolder, name: &str, bytes: &[u8], layout: &TableLayout) -> Result<Taken, ToolError> {
    let options = TableOptions {
        date_column: layout.date_column.clone(),
        date_format: layout.date_format.as_deref().map(str::parse::<DateFormat>).transpose()?,
        symbol_column: layout.symbol_column.clone(),
        symbol: layout.symbol.as_deref().map(|symbol| symbol.trim().to_ascii_uppercase()),
        decimal_mark: layout.decimal_mark.as_deref().map(decimal_mark).transpose()?,
        header: layout.columns.clone(),
    };
    let import = ImportOptions {
        security_type: layout.security_type.as_deref().map_or(Ok(SecurityType::Equity), str::parse)?,
        market: layout.market.clone(),
        resolution: layout.resolution.as_deref().map(str::parse::<Resolution>).transpose()?,
        stamp: if layout.ends { Stamp::End } else { Stamp::Start },
    };
    let table = Table::read(name, bytes, &options)?;
    let imported = folder.import(&table, &import)?;
    Ok(Taken { found: table.found, imported })
}

/// Reads how numbers are written: by an example, or by the mark itself.
fn decimal_mark(text: &str) -> Result<DecimalMark, ToolError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1,234.5" | "1234.5" | "." | "point" => Ok(DecimalMark::Point),
        "1.234,5" | "1234,5" | "," | "comma" => Ok(DecimalMark::Comma),
        _ => Err(ToolError::argument(format!("decimal_mark must be 1,234.5 or 1.234,5, found `{}`", quote(text)))),
    }
}

/// Makes a table the source of a workbook.
///
/// # Errors
/// A file that may not be read or is no table of prices.
pub(crate) async fn into_workbook(
    server: &QcServer,
    ctx: &Ctx,
    shared: &ResearchArgs,
    table: TableSource,
) -> Result<Reply, ToolError> {
    let books = server.desk().books();
    let caller = ctx.caller.key.as_str();
    let name = shared.instance();
    let source = Source::Table(table.clone());
    let desk = server.desk().clone();
    let opened = server.desk().run(caller, &ctx.cancel, move |_| desk.books().open_table(&table)).await?;
    let before = books.list(caller)?.into_iter().find(|book| book.name == name).map(|book| book.source);
    let (book, _) = books.initialize(caller, name, &source)?;
    let was = match before {
        Some(before) if before != source => {
            format!(
                " Its source was `{}` before; `initialize_quantbook` with that source brings it back.",
                before.plain_label()
            )
        }
        _ => String::new(),
    };
    let taken = opened.table.as_deref();
    let told = taken.map_or_else(String::new, |table| said(table));
    let mut reply = Reply::new(format!("Workbook `{}` reads its prices from the file: {told}{was}", book.name))
        .field("instance_name", &book.name)
        .field("file", reply::ticker(&opened.label));
    if let Some(taken) = taken {
        reply = reply.data(facts(taken));
    }
    Ok(reply.next("`describe_data` shows dates and gaps; every tool that takes this instance_name reads these prices"))
}

/// Writes the bars of a table into the LEAN folder of a workbook.
///
/// # Errors
/// In mode read-only; a source that is no LEAN folder of the user's; files that exist already.
pub(crate) async fn into_folder(
    server: &QcServer,
    ctx: &Ctx,
    shared: &ResearchArgs,
    table: TableSource,
) -> Result<Reply, ToolError> {
    if ctx.door.mode() == Mode::ReadOnly {
        let message = "mode read-only writes no files; into=workbook needs none";
        return Err(ToolError::new(Kind::Forbidden, Topic::General, message));
    }
    let caller = ctx.caller.key.as_str();
    let book = server.desk().books().get(caller, shared.instance())?;
    // Folders that may be read are not for that reason folders to write into.
    if !matches!(book.source, Source::Auto | Source::Lean) {
        let message = format!(
            "workbook `{}` does not read the server's own data folder, and files are written into no other",
            book.name
        );
        return Err(ToolError::new(Kind::InvalidArgument, Topic::DataFolder, message));
    }
    let source = open_source(server, ctx, &book.source).await?;
    if source.folder.is_synthetic() {
        let message =
            format!("source `{}` is a synthetic market: real prices would be called synthetic there", source.label);
        return Err(ToolError::new(Kind::InvalidArgument, Topic::DataFolder, message));
    }
    let desk = server.desk().clone();
    let folder = source.folder.clone();
    let job = move |_: &_| {
        let (bytes, shown) = desk.read_bytes(&table.path, MAX_FILE_BYTES)?;
        take(&folder, &shown, &bytes, &table.layout)
    };
    let taken = server.desk().run(caller, &ctx.cancel, job).await?;
    Ok(Reply::new(format!("Wrote new files into source `{}`: {}", source.label, said(&taken)))
        .field("instance_name", &book.name)
        .field("source", &source.label)
        .data(facts(&taken))
        .next("`describe_data` with a symbol shows its dates and gaps"))
}

/// What was taken, in a sentence.
fn said(taken: &Taken) -> String {
    let symbols = &taken.imported.symbols;
    let rows: usize = symbols.iter().map(|symbol| symbol.rows).sum();
    let first = symbols.iter().filter_map(|symbol| symbol.first).min();
    let last = symbols.iter().filter_map(|symbol| symbol.last).max();
    let span = match (first, last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    format!(
        "{rows} {} bars of {} symbols ({}){span}, dates read as {}. Prices are used as they are: no factors.",
        taken.imported.resolution,
        symbols.len(),
        taken.imported.security_type,
        taken.found.date_format
    )
}

/// How the file was understood and what each symbol has.
pub(crate) fn facts(taken: &Taken) -> Value {
    let found = &taken.found;
    let symbols = &taken.imported.symbols;
    let of = |symbol: &ImportedSymbol| {
        json!([
            reply::ticker(&symbol.ticker),
            symbol.rows,
            symbol.first.map(|day| day.to_string()),
            symbol.last.map(|day| day.to_string()),
            symbol.without_price,
            symbol.on_closed_days,
            symbol.rounded,
        ])
    };
    let rows: Vec<Value> = symbols.iter().take(MAX_SHOWN).map(of).collect();
    let mut notes = found.notes.clone();
    notes.extend(taken.imported.notes.iter().cloned());
    json!({
        "shape": found.shape,
        "date_format": found.date_format,
        "date_column": name_of_column(&found.date_column),
        "separator": found.separator.map(String::from),
        "file_rows": found.n_rows,
        "security_type": taken.imported.security_type,
        "market": reply::ticker(taken.imported.market.as_str()),
        "resolution": taken.imported.resolution,
        "n_symbols": symbols.len(),
        "symbols": {
            "columns": ["symbol", "bars", "first", "last", "rows_without_price", "bars_on_closed_days", "bars_rounded"],
            "rows": rows,
        },
        "notes": notes,
    })
}

fn name_of_column(name: &str) -> Value {
    if reply::is_ticker(name) { json!(name) } else { json!(Untrusted::new(name).shortened(64)) }
}
