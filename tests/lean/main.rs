//! Does qc-data read the same rows as the reference reader?
