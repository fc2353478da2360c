//! A linfa pipeline on our data: returns, their principal components, clusters of days in the plane of the first two.
//!
//! Offline, on a synthetic market: the figures are of invented prices.

use linfa::traits::{Fit, Predict, Transformer};
use linfa_clustering::KMeans;
use qc_data::{DataFolder, Field, HistoryRequest, Resolution, Window, history};
use qc_quant::{Index, MissingPolicy, Panel, interop, pca::PcaOptions, returns};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let market = tempfile::tempdir()?;
    qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
    let folder = DataFolder::open(market.path())?;
    let window = Window::dates("2022-01-01".parse()?, "2023-12-31".parse()?);
    let request = HistoryRequest::new(["GOOGL", "AMZN", "MSFT", "KO", "PEP"], window, Resolution::Daily);
    let closes = history::load(&folder, &request)?.align(Field::Close);
    let (prices, _) =
        Panel::with_missing(closes.symbols, Index::Dates(closes.dates), closes.columns, MissingPolicy::DropRows)?;

    // Our panel becomes their data set; our options are parameters to fit, our components a model that transforms.
    let data = interop::to_dataset(&returns::simple(&prices)?);
    let components = PcaOptions { n_components: Some(2), ..Default::default() }.fit(&data)?;
    println!("{:?} explain {:.1} % of the variance", components.symbols, 100.0 * components.cumulative[1]);

    // From here on it is linfa's own.
    let scores = components.transform(data);
    let clusters = KMeans::params(3).max_n_iterations(100).fit(&scores)?;
    let labels = clusters.predict(scores.records());
    for (cluster, centre) in clusters.centroids().rows().into_iter().enumerate() {
        let days = labels.iter().filter(|label| **label == cluster).count();
        println!("cluster {cluster}: {days} days around PC1 {:+.2}, PC2 {:+.2}", centre[0], centre[1]);
    }
    Ok(())
}
