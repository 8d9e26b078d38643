pragma circom 2.1.6;

// Generated from rtnet_core (limits.py, totals.py, hashing.py) by `zkm2m circuits build`. Do not edit.

function QUANTITY_BITS() { return 27; }
function ROW_BITS() { return 27; }
function LANE_BITS() { return 62; }
function LANE_STRIDE() { return 63; }
function LANES_PER_FIELD() { return 4; }
function GREEK_OFFSET_BITS() { return 61; }
function CASH_BITS() { return 56; }
function AMOUNT_BITS() { return 36; }
function PRICE_BITS() { return 34; }
function RATE_BITS() { return 14; }
function VOLATILITY_BITS() { return 36; }
function TIME_BITS() { return 42; }
function PRICE_THIRDS_MAX() { return 9; }
function PRICE_THIRDS_BITS() { return 5; }
function GREEK_RATE_BITS() { return 20; }
function SIZE_BITS() { return 36; }
function THRESHOLD_BITS() { return 20; }
function HEADROOM_BITS() { return 106; }
function ENVELOPE_KINKS() { return 2; }
function BPS() { return 10000; }
function MAX_SAFE_BITS() { return 253; }
function DEFICIT_BITS() { return 75; }
function AMOUNT_TOTAL_BITS() { return 60; }
function NET_STRIDE() { return 53; }
function DEFICIT_ACCOUNTS_SHIFT() { return 32; }
function SHORTFALL_SHIFT() { return 64; }
function CASH_SHIFT() { return 100; }
function TAG_SNAPSHOT() { return 1; }
function TAG_SCENARIOS() { return 2; }
function TAG_PARAMS() { return 3; }
function TAG_RISK_ARRAY() { return 4; }
function TAG_LEAF() { return 5; }
function TAG_NODE() { return 6; }
function TAG_BOOK() { return 7; }
function TAG_TOTALS() { return 8; }
function TAG_ORACLES() { return 9; }
function TAG_ORACLE_MESSAGE() { return 10; }
