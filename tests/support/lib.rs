//! What every suite shares: golden loader, tolerances, sessions, the snapshot helper.
