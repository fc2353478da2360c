//! Everything that is known about a request for one security before a file is opened.

use super::budget::Budget;
use super::columns::Field;
use super::days;
use super::naming::Identity;
use super::reader::Plan;
use super::request::{HistoryRequest, Window};
use super::result::{Adjustment, FactorState};
use super::{source, window};
use crate::bars::Kind;
use crate::error::Result;
use crate::factors::{FactorFile, RollFile, day_number};
use crate::folder::DataFolder;
use crate::hours::ExchangeHours;
use crate::maps::MapFile;
use crate::symbol::{Normalization, Resolution, Security, SecurityType};
use crate::time::LocalTime;
use std::fmt::Write as _;
use std::sync::Arc;

/// What a request comes to for one security at one stored resolution.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) security: Security,
    pub(super) resolution: Resolution,
    pub(super) normalization: Normalization,
    pub(super) hours: Arc<ExchangeHours>,
    pub(super) identity: Identity,
    /// Factors of a share, with the path of their file.
    pub(super) factors: Option<(String, Option<Arc<FactorFile>>)>,
    /// Factors of a continuous future, with the path of their file.
    pub(super) rolls: Option<(String, Option<Arc<RollFile>>)>,
    /// Window on the exchange's clock.
    pub(super) start: LocalTime,
    pub(super) end: LocalTime,
    limited_start: LocalTime,
    strict: bool,
    fill_forward: bool,
    pub(super) extended: bool,
    data_days: Vec<i32>,
    open_interest: bool,
    fields: Vec<Field>,
    window: Window,
}

impl Prepared {
    pub(super) fn new(
        folder: &DataFolder,
        request: &HistoryRequest,
        security: Security,
        resolution: Resolution,
    ) -> Result<Prepared> {
        let normalization = request.normalization_for(security.security_type)?;
        let hours = folder.hours(&security)?;
        let identity = Identity::new(folder, &security, request, &hours)?;
        let equity = security.security_type == SecurityType::Equity;
        let factors = if equity { Some(folder.factor_file(&security, &identity.map)?) } else { None };
        let rolls = if identity.mapping.is_some() { Some(folder.roll_file(&security)?) } else { None };
        let strict = request.strict_daily_end_times && window::uses_strict_times(&security, resolution, &hours);
        let (start, end) = window::on_exchange_clock(request, &hours, resolution, strict)?;
        // Of hours too: their files hold the night sessions of futures, and are filled across them.
        let extended = request.extended_market_hours;
        let first_factor = factors.as_ref().and_then(|(_, file)| file.as_deref());
        let limited_start = limited_start(start, &identity.map, first_factor, equity);
        let data_days = match resolution.one_file() {
            true => days::data_days_ends(&hours, start, end, *identity.listed.start(), extended),
            false => days::data_days(&hours, start, end, extended),
        };
        Ok(Prepared {
            resolution,
            normalization,
            factors,
            rolls,
            start,
            end,
            limited_start,
            strict,
            fill_forward: request.fill_forward,
            extended,
            data_days,
            open_interest: request.open_interest && identity.has_interest(),
            fields: request.fields.clone(),
            window: request.window,
            security,
            hours,
            identity,
        })
    }

    pub(super) fn plan<'a>(&'a self, folder: &'a DataFolder, budget: &'a Budget) -> Plan<'a> {
        Plan {
            folder,
            budget,
            security: &self.security,
            hours: &self.hours,
            map: &self.identity.map,
            naming: &self.identity.naming,
            listed: self.identity.listed.clone(),
            mapped: self.identity.mapped.clone(),
            resolution: self.resolution,
            start: self.start,
            end: self.end,
            limited_start: self.limited_start,
            fill_forward: self.fill_forward,
            strict: self.strict,
            extended: self.extended,
            data_days: &self.data_days,
            fields: &self.fields,
        }
    }

    /// Which kinds of bars are read, trades first.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let mut kinds = source::kinds(self.security.security_type, self.resolution).to_vec();
        kinds.extend(self.open_interest.then_some(Kind::OpenInterest));
        kinds
    }

    /// ScaledRaw scales to the last day: of a request by days the last one asked for, else the day of the end.
    pub(super) fn end_day(&self) -> i32 {
        match self.window {
            Window::Dates { last, .. } => day_number(last),
            _ => self.end.day(),
        }
    }

    /// First day of data, from which TotalReturn counts dividends.
    pub(super) fn first_day(&self) -> Option<i32> {
        self.data_days.first().copied()
    }

    /// Names every file the answer depends on, with size and time: what a kept answer is checked by.
    pub(super) fn sources(&self, folder: &DataFolder) -> Result<String> {
        let mut out = String::new();
        let nothing = Budget::new();
        let plan = self.plan(folder, &nothing);
        let mut files: Vec<String> = Vec::new();
        for kind in self.kinds() {
            files.extend(plan.files(kind));
        }
        files.dedup();
        files.extend(self.factors.iter().map(|(path, _)| path.clone()));
        files.extend(self.rolls.iter().map(|(path, _)| path.clone()));
        files.push(crate::hours::FILE.to_owned());
        for file in files {
            // A factor file in a security master changes with its zip.
            let stamp = folder.stamp(file.split('#').next().unwrap_or(&file))?;
            let _ = writeln!(out, "{file} {stamp:?}");
        }
        let _ = writeln!(out, "{:?}", self.identity.map.rows());
        Ok(out)
    }

    /// What can be done to prices with the factor file that is there, if one is.
    pub(super) fn adjustment(&self) -> (Adjustment, Option<&FactorFile>) {
        let asked = self.normalization;
        let raw = |factors| Adjustment { asked, applied: Normalization::Raw, factors };
        let read = |path: &str| Adjustment { asked, applied: asked, factors: FactorState::Read(path.to_owned()) };
        let broken = |path: &str, line: usize| raw(FactorState::Broken(format!("{path}, line {line}")));
        if asked == Normalization::Raw {
            return (raw(FactorState::NotNeeded), None);
        }
        match (&self.factors, &self.rolls) {
            (Some((path, Some(file))), _) => match file.broken_at_line {
                Some(line) => (broken(path, line), None),
                None => (read(path), Some(file)),
            },
            (_, Some((path, Some(file)))) => match file.broken_at_line {
                Some(line) => (broken(path, line), None),
                None => (read(path), None),
            },
            (Some((path, None)), _) | (_, Some((path, None))) => (raw(FactorState::Missing(path.clone())), None),
            (None, None) => (raw(FactorState::NotNeeded), None),
        }
    }
}

/// LEAN gives no prices before the first row of the factor file or before the first day of trading, in any mode.
fn limited_start(start: LocalTime, map: &MapFile, factors: Option<&FactorFile>, equity: bool) -> LocalTime {
    if !equity {
        return start;
    }
    let by_factors = factors.and_then(FactorFile::first_day).map_or(start, LocalTime::of_day_number);
    start.max(by_factors).max(LocalTime::of_day_number(day_number(map.first_date())))
}
