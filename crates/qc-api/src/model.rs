//! The shapes of answers: what two or more resources share, and what people look at most.
//!
//! Units follow LEAN: rates are fractions (0.1 is ten percent) unless a doc comment says otherwise, money is in
//! the account's currency, moments are UTC. Everything the service may leave out is an `Option` or empty.

mod backtest;
mod chart;
mod file;
mod insight;
mod live;
mod node;
mod optimization;
mod order;
mod project;
mod statistics;
mod symbol;
mod trade;

pub use backtest::{AnalysisItem, Backtest, BacktestStatus, BacktestSummary, ResearchGuide};
pub use chart::{Chart, ChartReply, Point, Series, SeriesKind};
pub use file::ProjectFile;
pub use insight::{Insight, InsightDirection, InsightKind};
pub use live::{
    Cash, Holding, LiveAlgorithm, LiveStatus, LiveSummary, NotificationEvent, NotificationTarget, Notifications,
    Portfolio, PortfolioReply,
};
pub use node::{Node, NodePrice, Nodes};
pub use optimization::{
    Constraint, ConstraintOperator, Criterion, Optimization, OptimizationBacktest, OptimizationCost, OptimizationNode,
    OptimizationParameter, OptimizationStatistics, OptimizationStatus, OptimizationSummary, OptimizationTarget,
    TargetDirection,
};
pub use order::{
    GroupOrder, Order, OrderDirection, OrderEvent, OrderEventDirection, OrderEventStatus, OrderStatus,
    OrderSubmissionData, OrderType, TimeInForce,
};
pub use project::{
    Collaborator, EncryptionKey, Grid, GridChart, Language, LeanVersion, Library, LiveForm, Parameter, Permission,
    Project,
};
pub use statistics::{AlgorithmPerformance, PortfolioStatistics, Statistics, TradeStatistics};
pub use symbol::{SecurityType, Symbol};
pub use trade::{ClosedTrade, TradeDirection};
