//! Which members of which types have several names; a test holds it against the sources.

/// Names of one member.
pub(super) type Names = &'static [&'static str];

/// The types some member of which has more than one name, by the name of the type.
pub(super) const SPELLINGS: &[(&str, &[Names])] = &[
    ("Chart", &[&["name", "Name"], &["series", "Series"]]),
    ("Series", &[&["name", "Name"], &["unit", "Unit"], &["seriesType", "SeriesType"], &["values", "Values"]]),
    (
        "Order",
        &[
            &["id", "Id"],
            &["symbol", "Symbol"],
            &["type", "Type"],
            &["status", "Status"],
            &["trailingPercentage", "trailingAsPercentage"],
        ],
    ),
    (
        "OrderEvent",
        &[
            &["algorithmId", "algorithm-id"],
            &["orderId", "order-id"],
            &["orderEventId", "order-event-id"],
            &["symbolValue", "symbol-value"],
            &["symbolPermtick", "symbol-permtick"],
            &["orderFeeAmount", "order-fee-amount"],
            &["orderFeeCurrency", "order-fee-currency"],
            &["fillPrice", "fill-price"],
            &["fillPriceCurrency", "fill-price-currency"],
            &["fillQuantity", "fill-quantity"],
            &["isAssignment", "is-assignment"],
            &["stopPrice", "stop-price"],
            &["limitPrice", "limit-price"],
        ],
    ),
    (
        "Insight",
        &[
            &["groupId", "group-id"],
            &["sourceModel", "source-model"],
            &["generatedTime", "generated-time", "createdTime", "created-time"],
            &["closeTime", "close-time"],
            &["reference", "reference-value", "referenceValue"],
            &["referenceFinal", "reference-final", "referenceValueFinal", "reference-value-final"],
            &["scoreFinal", "scoreIsFinal", "score-final", "score-is-final"],
            &["scoreDirection", "score-direction"],
            &["scoreMagnitude", "score-magnitude"],
            &["estimatedValue", "estimated-value"],
        ],
    ),
    (
        "SymbolMembers",
        &[&["value", "Value"], &["id", "ID", "Id"], &["permtick", "Permtick"], &["underlying", "Underlying"]],
    ),
    (
        "Holding",
        &[
            &["a", "averagePrice"],
            &["q", "quantity"],
            &["p", "marketPrice"],
            &["v", "marketValue"],
            &["u", "unrealizedPnl", "unrealizedPnL"],
            &["up", "unrealizedPnLPercent"],
            &["c", "currencySymbol"],
            &["r", "conversionRate"],
        ],
    ),
    ("Parameter", &[&["key", "name"]]),
    (
        "Collaborator",
        &[
            &["uid", "id"],
            &["liveControl", "blivecontrol"],
            &["permission", "epermission"],
            &["profileImage", "profileimage"],
        ],
    ),
    ("OptimizationParameter", &[&["name", "key"], &["minStep", "min-step"]]),
    ("Constraint", &[&["targetValue", "target-value"]]),
    ("SearchReply", &[&["retrivals", "retrievals"]]),
    ("ObjectSummary", &[&["folder", "isFolder"]]),
    ("LiveLogsReply", &[&["logs", "LiveLogs"]]),
    ("LogsReply", &[&["logs", "BacktestLogs"]]),
];

/// The members of `type_name` that have several names.
pub(super) fn spellings(type_name: &str) -> &'static [Names] {
    SPELLINGS.iter().find(|(name, _)| *name == type_name).map_or(&[], |(_, members)| members)
}
