//! Backtests as they are shown: one in any state, a line of the list, a chart as numbers or as a picture.

use qc_api::{
    endpoints::backtests::ReadBacktestChart,
    model::{Backtest, BacktestStatus, BacktestSummary, Chart},
};
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted, args,
    compute::Stop,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        backtest::{self, Run},
        backtest_picture::{self, Shown},
    },
    server::QcServer,
};

/// The most bytes of a picture.
const MOST_PICTURE_BYTES: usize = 150_000;

/// Our word for how far a backtest is.
pub(super) fn state(backtest: &Backtest) -> &'static str {
    if backtest.failure().is_some() {
        "failed"
    } else if backtest.is_finished() {
        "completed"
    } else {
        unfinished(&backtest.status)
    }
}

fn unfinished(status: &BacktestStatus) -> &'static str {
    if status.is_queued() { "queued" } else { "running" }
}

/// The answer for a backtest in any state.
pub(in crate::tools) fn result(run: &Run, backtest: &Backtest) -> Reply {
    let state = state(backtest);
    let share = backtest.share_done().unwrap_or_default();
    let summary = match state {
        "completed" => format!("backtest {} is completed", run.backtest_id),
        "failed" => format!("backtest {} failed at {:.0} %", run.backtest_id, 100.0 * share),
        _ => format!(
            "backtest {} is {state}, {:.0} % done; read it again in some seconds",
            run.backtest_id,
            100.0 * share
        ),
    };
    let mut reply = Reply::new(summary).data(json!({
        "project_id": run.project_id,
        "backtest_id": run.backtest_id,
        "name": Untrusted::new(backtest.name.as_str()).shortened(120),
        "status": state,
        "progress": share,
        "created": backtest.created,
        "start": backtest.backtest_start,
        "end": backtest.backtest_end,
    }));
    if !backtest.parameter_set.is_empty() {
        let parameters: Vec<Value> = backtest
            .parameter_set
            .iter()
            .map(|(name, value)| json!([Untrusted::new(name.as_str()), Untrusted::new(value.as_str())]))
            .collect();
        reply = reply.field("parameters", parameters);
    }
    if let Some(error) = backtest.failure() {
        reply = reply.field("error", Untrusted::new(error).shortened(1500));
        if let Some(trace) = backtest.stacktrace.as_deref().filter(|trace| !trace.is_empty() && *trace != error) {
            reply = reply.field("stacktrace", Untrusted::new(trace).shortened(2000));
        }
    }
    if !backtest.statistics.is_empty() {
        reply = reply.field("statistics", backtest::figures(&backtest.statistics));
    }
    if !backtest.runtime_statistics.is_empty() {
        reply = reply.field("runtime_statistics", backtest::figures(&backtest.runtime_statistics));
    }
    let charts: Vec<Untrusted> =
        backtest.charts.iter().map(|(name, _)| Untrusted::new(name.as_str()).shortened(80)).collect();
    if !charts.is_empty() {
        reply = reply.field("charts", charts);
    }
    reply.next(match state {
        "completed" => "read_backtest_orders",
        "failed" => "read_backtest_logs",
        _ => "read_backtest",
    })
}

/// One line of the list.
pub(in crate::tools) fn row(summary: &BacktestSummary, with_figures: bool) -> Value {
    let state = if summary.error.as_deref().is_some_and(|error| !error.is_empty()) || summary.status.is_error() {
        "failed"
    } else if summary.status.is_completed() {
        "completed"
    } else {
        unfinished(&summary.status)
    };
    let mut row = json!({
        "backtest_id": summary.backtest_id,
        "name": Untrusted::new(summary.name.as_str()).shortened(80),
        "status": state,
        "created": summary.created,
    });
    if with_figures && let Some(map) = row.as_object_mut() {
        let figures = [
            ("sharpe_ratio", summary.sharpe_ratio),
            ("compounding_annual_return_percent", summary.compounding_annual_return),
            ("drawdown_percent", summary.drawdown),
            ("net_profit_percent", summary.net_profit),
        ];
        for (name, value) in figures {
            if let Some(value) = value {
                map.insert(name.into(), json!(value));
            }
        }
    }
    row
}

/// The request of a chart; a missing end of the range is the backtest's own.
pub(super) fn chart_request(
    run: &Run,
    backtest: &Backtest,
    name: String,
    count: i64,
    start: Option<&str>,
    end: Option<&str>,
) -> Result<ReadBacktestChart, ToolError> {
    const DAY: i64 = 86_400;
    let mut request = backtest::whole_chart(run, backtest, name, count);
    if let Some(text) = start {
        request.start = Some(moment("start", text, 0)?);
    }
    if let Some(text) = end {
        request.end = Some(moment("end", text, DAY - 1)?);
    }
    if let (Some(start), Some(end)) = (request.start, request.end)
        && end < start
    {
        return Err(ToolError::new(
            Kind::InvalidArgument,
            Topic::Dates,
            format!("start ({start}) lies after end ({end}), in Unix seconds"),
        ));
    }
    Ok(request)
}

/// Unix seconds from digits or from a date (`in_day` seconds into it).
pub(in crate::tools) fn moment(name: &str, text: &str, in_day: i64) -> Result<i64, ToolError> {
    if let Ok(seconds) = text.trim().parse::<i64>()
        && text.trim().len() != 8
    {
        return Ok(seconds);
    }
    if let Ok(at) = text.trim().parse::<jiff::Timestamp>() {
        return Ok(at.as_second());
    }
    // The service's own form has no zone; it means UTC.
    if text.contains(':')
        && let Ok(at) = text.trim().parse::<jiff::civil::DateTime>()
        && let Ok(at) = at.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Ok(at.timestamp().as_second());
    }
    let day = args::date(name, text)?;
    let midnight =
        day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| ToolError::argument(format!("`{name}` is out of range")))?;
    Ok(midnight.timestamp().as_second() + in_day)
}

/// The series of a chart as lists of points.
pub(in crate::tools) fn series(chart: &Chart) -> Value {
    let series: Vec<Value> = chart
        .series
        .iter()
        .map(|(name, series)| json!({"name": Untrusted::new(name.as_str()).shortened(80), "unit": Untrusted::new(series.unit.as_str()).shortened(8), "points": series.values}))
        .collect();
    json!({"chart_name": Untrusted::new(chart.name.as_str()).shortened(80), "series": series})
}

/// A chart drawn as PNG, on the pool.
pub(super) async fn picture(
    server: &QcServer,
    ctx: &Ctx,
    run: &Run,
    request: &ReadBacktestChart,
    chart: &Chart,
) -> Result<Reply, ToolError> {
    let subtitle = format!("backtest {} of project {}, times in UTC", run.backtest_id, run.project_id);
    let Shown { picture, drawn, left_out } = backtest_picture::arrange(chart, subtitle)?;
    let draw = move |_: &Stop| {
        let chart = picture.draw();
        let drawn = chart.and_then(|chart| Ok((chart.size(), chart.png()?)));
        drawn.map_err(|error| ToolError::new(Kind::BadData, Topic::Chart, error.to_string()))
    };
    let ((width, height), png) = server.desk().run(ctx.caller.key.as_str(), &ctx.cancel, draw).await?;
    if MOST_PICTURE_BYTES < png.len() {
        let message = format!("the picture has {} bytes, at most {MOST_PICTURE_BYTES} are sent", png.len());
        return Err(ToolError::new(Kind::TooLarge, Topic::General, message));
    }
    let link = run.uri(&format!("charts/{}", crate::resources::encode(&request.name)));
    let more = if left_out == 0 {
        String::new()
    } else {
        format!(", {left_out} series are left out: no lines, or more than the picture has room for")
    };
    Ok(Reply::new(format!("{drawn} series drawn{more}"))
        .data(json!({"project_id": run.project_id, "backtest_id": run.backtest_id, "width": width, "height": height, "png_bytes": png.len()}))
        .field("chart_name", Untrusted::new(chart.name.as_str()).shortened(80))
        .picture(png)
        .link(link, "the numbers", "application/json"))
}
