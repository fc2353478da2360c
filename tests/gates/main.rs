//! Was nothing sent on refusal, and do two callers stay apart?
