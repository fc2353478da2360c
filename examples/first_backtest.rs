//! Runs a backtest from nothing: project, code, compile, run, statistics; at the simulator, on synthetic prices.
//!
//! ```text
//! cargo run -p qc-examples --example first_backtest
//! ```

use std::error::Error;

use qc_api::endpoints::backtests::{CreateBacktest, ReadBacktest, ReadBacktestOrders};
use qc_api::endpoints::compile::{CompileState, CreateCompile, ReadCompile};
use qc_api::endpoints::files::UpdateFileContent;
use qc_api::endpoints::projects::CreateProject;
use qc_api::model::Language;
use qc_api::poll::Progress;
use qc_sim::Sim;

const CODE: &str = r#"from AlgorithmImports import *

class BuyAndHold(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2023, 1, 3)
        self.set_end_date(2023, 12, 29)
        self.set_cash(100000)
        self.add_equity("KO", Resolution.DAILY)
        self.set_holdings("KO", 1)
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let client = sim.client()?;

    let request = CreateProject { name: "First".into(), language: Language::Python, organization_id: None };
    let project = client.send(&request).await?.projects.swap_remove(0);
    let project_id = project.project_id;
    let content = CODE.to_owned();
    let file = UpdateFileContent { project_id, name: "main.py".into(), content, code_source_id: None };
    client.send(&file).await?;

    let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
    let built = client.wait(&ReadCompile { project_id, compile_id }).await?;
    if built.state != CompileState::BuildSuccess {
        return Err(built.logs.join("\n").into());
    }

    let backtest_name = "buy and hold".to_owned();
    let request = CreateBacktest { project_id, compile_id: built.compile_id, backtest_name, ..Default::default() };
    let backtest_id = client.send(&request).await?.backtest.backtest_id;
    let request = ReadBacktest { project_id, backtest_id: backtest_id.clone() };
    let report = |progress: &Progress| println!("{}", progress.state);
    let backtest = client.wait_with(&request, None, report).await?.backtest;

    for (title, text) in backtest.statistics.iter() {
        println!("{title:<32}{text:>16}");
    }
    let request = ReadBacktestOrders { project_id, backtest_id, ..Default::default() };
    let orders = client.all(request).await?;
    println!("{} orders; {} requests in all", orders.len(), sim.journal().entries().len());
    Ok(())
}
