// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// The numbers of profile $profile, made by `zkm2m export solidity`. The registry itself is the same in every profile.

string constant PROFILE = "$profile";
// Accounts of a full batch.
uint256 constant BATCH_SIZE = $batch;
// Commitments that one merge adds.
uint256 constant MERGE_CHILDREN = $merge;
// Public signals of a merge: its total, its children, the context.
uint256 constant MERGE_SIGNALS = $merge_signals;
// Most accounts of a book.
uint256 constant BOOK_CAPACITY = $capacity;
// Commitment to the totals of nothing, which fills up a merge of fewer children.
uint256 constant EMPTY_TOTALS = $empty_totals;
// The first threshold, in basis points, that is too high for the circuits.
uint256 constant THRESHOLD_LIMIT = $threshold_limit;
// How far a snapshot's time may lie ahead of the block's.
uint256 constant SKEW_MS = $skew_ms;
