// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BATCH_SIZE, BOOK_CAPACITY, EMPTY_TOTALS, MERGE_CHILDREN, MERGE_SIGNALS, PROFILE, SKEW_MS, THRESHOLD_LIMIT
} from "./Profile.sol";

interface ICircuit {
    function CIRCUIT() external view returns (string memory);
    function DEVELOPMENT_KEY() external view returns (bool);
}

interface IAccountVerifier is ICircuit {
    function requireValid(uint256[8] calldata proof, uint256[6] calldata signals) external view;
}

interface IBatchVerifier is ICircuit {
    function requireValid(uint256[8] calldata proof, uint256[7] calldata signals) external view;
}

interface IMarketVerifier is ICircuit {
    function requireValid(uint256[8] calldata proof, uint256[5] calldata signals) external view;
}

interface IMergeVerifier is ICircuit {
    function requireValid(uint256[8] calldata proof, uint256[MERGE_SIGNALS] calldata signals) external view;
}

/// @title Registry of proven markets, epochs and accounts
/// @notice A governor says which venues there are and which oracles and parameters are in force. A venue's owner posts
///         markets and epochs with their proofs, and lists accounts. An account's holder, or the venue, shows with an
///         account proof that it clears its threshold, or that it does not. What is not checked here, and has to be
///         checked off chain, stands in docs/onchain.md. Times are milliseconds UTC.
contract SolvencyRegistry {
    struct Venue {
        address owner;
        uint64 maxAgeMs; // of a snapshot, when it is posted and when a proof about it is
        uint32 lastEpoch; // number of the last proven epoch
        uint64 lastMarketMs;
        bytes32 lastDigest; // of the last proven epoch's record
    }

    /// From the first time on, and before the second.
    struct Validity {
        uint64 fromMs;
        uint64 untilMs;
    }

    struct Market {
        uint256 oraclesRoot;
        uint256 snapshotHash;
        uint256 paramsRoot;
        uint64 timeMs;
    }

    /// What a venue's signed record states. The digest is over the record's text, which is not seen here.
    struct Record {
        bytes32 digest;
        bytes32 previous;
        uint32 number;
        uint32 accountCount;
        uint32 thresholdBps;
        uint256 snapshotHash;
        uint256 paramsRoot;
        uint256 riskRoot;
        uint256 bookRoot;
    }

    struct BatchProof {
        uint256 batchRoot;
        uint256 totals;
        uint256[8] proof;
    }

    struct MergeProof {
        uint256 totals;
        uint256[8] proof;
    }

    /// An epoch some of whose proofs are still to come.
    struct OpenEpoch {
        Record record;
        uint256 oraclesRoot;
        uint256 context;
        uint64 asOfMs;
        uint32 level; // 0 are the batches
        uint32 width; // proofs that level 0 needs; above it, commitments that the level adds up
        uint32 done; // proofs of this level that were accepted
    }

    /// An epoch all of whose proofs hold.
    struct Epoch {
        bytes32 digest;
        uint256 bookRoot;
        uint256 riskRoot;
        uint256 paramsRoot;
        uint256 oraclesRoot;
        uint256 totals; // commitment to the totals of the book
        uint64 asOfMs;
        uint32 accountCount;
        uint32 thresholdBps;
    }

    struct Account {
        bytes32 venue;
        address holder;
        uint24 thresholdBps;
        uint32 epoch; // of the newest proof that was accepted, 0 before the first
        uint24 nonce; // counts accepted proofs
        bool byVenue; // whether the venue submitted that proof, and not the holder
        bool flagged;
    }

    error NotGovernor();
    error NotOwner();
    error NotHolderNorOwner();
    error WrongVerifier(string circuit);
    error VenueExists();
    error AgeMissing();
    error UnknownAccount();
    error AccountExists();
    error ThresholdOutOfRange();
    error Stale(uint256 ageMs);
    error FromTheFuture(uint256 timeMs);
    error NotNewer();
    error OraclesNotInForce(uint256 root);
    error ParamsNotInForce(uint256 root);
    error MarketNotPosted(uint256 riskRoot);
    error MarketMismatch();
    error EpochGap(uint256 number, uint256 expected);
    error WrongPrevious();
    error RecordMalformed();
    error NoOpenEpoch();
    error WrongLevel();
    error TooManyProofs();
    error EpochNotProven();
    error StatementMismatch(uint256 signal);

    event VenueSet(bytes32 indexed venue, address owner, uint64 maxAgeMs);
    event OraclesRootSet(bytes32 indexed venue, uint256 indexed root, uint64 fromMs, uint64 untilMs);
    event ParamsRootSet(bytes32 indexed venue, uint256 indexed root, uint64 fromMs, uint64 untilMs);
    event MarketPosted(bytes32 indexed venue, uint256 indexed riskRoot, uint256 snapshotHash, uint64 timeMs);
    event EpochOpened(bytes32 indexed venue, uint32 indexed number, bytes32 digest);
    event BatchProven(bytes32 indexed venue, uint32 indexed number, uint256 batch, uint256 batchRoot, uint256 totals);
    event EpochProven(bytes32 indexed venue, uint32 indexed number, bytes32 digest, uint256 bookRoot, uint256 totals);
    event AccountListed(bytes32 indexed venue, bytes32 indexed commitment, address holder, uint32 thresholdBps);
    event AccountProven(bytes32 indexed commitment, uint32 indexed epoch, bool clears, bool byVenue);
    event LiquidationFlagRaised(bytes32 indexed commitment, uint32 indexed epoch);
    event LiquidationFlagLowered(bytes32 indexed commitment, uint32 indexed epoch);

    address public immutable governor;
    IAccountVerifier public immutable accountVerifier;
    IBatchVerifier public immutable batchVerifier;
    IMergeVerifier public immutable mergeVerifier;
    IMarketVerifier public immutable marketVerifier;
    /// Whether any of the four keys is a development key: then no answer of this contract is worth anything.
    bool public immutable developmentKeys;

    /// By Ed25519 key.
    mapping(bytes32 venue => Venue) public venues;
    mapping(bytes32 venue => mapping(uint256 root => Validity)) public oraclesInForce;
    mapping(bytes32 venue => mapping(uint256 root => Validity)) public paramsInForce;
    mapping(bytes32 venue => mapping(uint256 riskRoot => Market)) public markets;
    mapping(bytes32 venue => mapping(uint256 number => Epoch)) public epochs;
    mapping(bytes32 venue => OpenEpoch) public openEpochs;
    mapping(bytes32 commitment => Account) public accounts;
    /// Commitments of the level that is being proven, over those of the level below: merge j reads none before place j.
    mapping(bytes32 venue => mapping(uint256 place => uint256)) private _totals;

    constructor(address governor_, address account, address batch, address merge, address market) {
        governor = governor_;
        accountVerifier = IAccountVerifier(account);
        batchVerifier = IBatchVerifier(batch);
        mergeVerifier = IMergeVerifier(merge);
        marketVerifier = IMarketVerifier(market);
        bool development = _requireCircuit(account, "account-");
        development = _requireCircuit(batch, "batch-") || development;
        development = _requireCircuit(merge, "merge-") || development;
        developmentKeys = _requireCircuit(market, "market-") || development;
    }

    modifier onlyGovernor() {
        if (msg.sender != governor) revert NotGovernor();
        _;
    }

    modifier onlyOwner(bytes32 venue) {
        if (msg.sender != venues[venue].owner) revert NotOwner();
        _;
    }

    // ---------------------------------------------------------------------------------------------------- governor

    /// @notice Enters a venue whose chain of epochs goes on behind `lastEpoch` (0 and no digest: at its first epoch).
    function addVenue(bytes32 venue, address owner, uint64 maxAgeMs, uint32 lastEpoch, bytes32 lastDigest)
        external
        onlyGovernor
    {
        if (venues[venue].maxAgeMs != 0) revert VenueExists();
        (venues[venue].lastEpoch, venues[venue].lastDigest) = (lastEpoch, lastDigest);
        setVenue(venue, owner, maxAgeMs);
    }

    /// @notice Changes a venue's owner and its age limit; without an owner it is suspended.
    function setVenue(bytes32 venue, address owner, uint64 maxAgeMs) public onlyGovernor {
        if (maxAgeMs == 0) revert AgeMissing();
        (venues[venue].owner, venues[venue].maxAgeMs) = (owner, maxAgeMs);
        emit VenueSet(venue, owner, maxAgeMs);
    }

    /// @notice Says when a set of oracles is believed; an earlier `untilMs` also takes back what rests on later times.
    function setOraclesRoot(bytes32 venue, uint256 root, uint64 fromMs, uint64 untilMs) external onlyGovernor {
        oraclesInForce[venue][root] = Validity(fromMs, untilMs);
        emit OraclesRootSet(venue, root, fromMs, untilMs);
    }

    /// @notice Says when margin parameters are in force.
    function setParamsRoot(bytes32 venue, uint256 root, uint64 fromMs, uint64 untilMs) external onlyGovernor {
        paramsInForce[venue][root] = Validity(fromMs, untilMs);
        emit ParamsRootSet(venue, root, fromMs, untilMs);
    }

    // ----------------------------------------------------------------------------------------------------- markets

    /// @notice Enters a proven market. Only the owner may: a snapshot with other instruments in the same places would
    ///         be signed as honestly, and mean nothing for this venue's book.
    /// @param statement oraclesRoot, snapshotHash, timeMs, paramsRoot, riskRoot
    function postMarket(bytes32 venue, uint256[5] calldata statement, uint256[8] calldata proof)
        external
        onlyOwner(venue)
    {
        uint256 timeMs = statement[2];
        _requireFresh(venue, timeMs);
        if (timeMs <= venues[venue].lastMarketMs) revert NotNewer();
        _requireInForce(venue, statement[0], statement[3], timeMs);
        marketVerifier.requireValid(proof, statement);
        venues[venue].lastMarketMs = uint64(timeMs);
        markets[venue][statement[4]] = Market(statement[0], statement[1], statement[3], uint64(timeMs));
        emit MarketPosted(venue, statement[4], statement[1], uint64(timeMs));
    }

    // ------------------------------------------------------------------------------------------------------ epochs

    /// @notice Begins the next epoch; one that was begun and not finished is dropped.
    function openEpoch(bytes32 venue, Record calldata record) external onlyOwner(venue) {
        Venue storage entry = venues[venue];
        if (record.number != uint256(entry.lastEpoch) + 1) revert EpochGap(record.number, uint256(entry.lastEpoch) + 1);
        if (record.previous != entry.lastDigest) revert WrongPrevious();
        if (
            record.digest == 0 || record.accountCount == 0 || record.accountCount > BOOK_CAPACITY
                || record.thresholdBps == 0 || record.thresholdBps >= THRESHOLD_LIMIT
        ) revert RecordMalformed();
        Market memory market = markets[venue][record.riskRoot];
        if (market.timeMs == 0) revert MarketNotPosted(record.riskRoot);
        if (market.snapshotHash != record.snapshotHash || market.paramsRoot != record.paramsRoot) {
            revert MarketMismatch();
        }
        if (market.timeMs <= epochs[venue][entry.lastEpoch].asOfMs) revert NotNewer();
        _requireFresh(venue, market.timeMs);
        _requireInForce(venue, market.oraclesRoot, market.paramsRoot, market.timeMs);
        openEpochs[venue] = OpenEpoch({
            record: record,
            oraclesRoot: market.oraclesRoot,
            context: _epochContext(venue, record.number, record.previous),
            asOfMs: market.timeMs,
            level: 0,
            width: uint32((record.accountCount + BATCH_SIZE - 1) / BATCH_SIZE),
            done: 0
        });
        emit EpochOpened(venue, record.number, record.digest);
    }

    /// @notice Checks the next batches of the open epoch, in their order.
    function submitBatches(bytes32 venue, BatchProof[] calldata batches) external onlyOwner(venue) {
        OpenEpoch storage epoch = openEpochs[venue];
        uint256 first = _requireRoom(epoch, false, epoch.width, batches.length);
        Record memory record = epoch.record;
        uint256[7] memory signals;
        (signals[2], signals[3], signals[4]) = (record.riskRoot, record.paramsRoot, record.thresholdBps);
        signals[6] = epoch.context;
        for (uint256 i = 0; i < batches.length; ++i) {
            uint256 left = record.accountCount - BATCH_SIZE * (first + i);
            (signals[0], signals[1]) = (batches[i].batchRoot, batches[i].totals);
            signals[5] = left < BATCH_SIZE ? left : BATCH_SIZE;
            batchVerifier.requireValid(batches[i].proof, signals);
            _totals[venue][first + i] = signals[1];
            emit BatchProven(venue, record.number, first + i, signals[0], signals[1]);
        }
        _advance(venue, epoch, first + batches.length, epoch.width);
    }

    /// @notice Checks the next merges of the open epoch: level by level, in their order, never two levels in one call.
    function submitMerges(bytes32 venue, MergeProof[] calldata merges) external onlyOwner(venue) {
        OpenEpoch storage epoch = openEpochs[venue];
        uint256 below = epoch.width;
        uint256 width = (below + MERGE_CHILDREN - 1) / MERGE_CHILDREN;
        uint256 first = _requireRoom(epoch, true, width, merges.length);
        uint256[MERGE_SIGNALS] memory signals;
        signals[MERGE_SIGNALS - 1] = epoch.context;
        for (uint256 i = 0; i < merges.length; ++i) {
            signals[0] = merges[i].totals;
            for (uint256 child = 0; child < MERGE_CHILDREN; ++child) {
                uint256 place = MERGE_CHILDREN * (first + i) + child;
                signals[1 + child] = place < below ? _totals[venue][place] : EMPTY_TOTALS;
            }
            mergeVerifier.requireValid(merges[i].proof, signals);
            _totals[venue][first + i] = signals[0];
        }
        _advance(venue, epoch, first + merges.length, width);
    }

    // ---------------------------------------------------------------------------------------------------- accounts

    /// @notice Lists an account under a commitment to the venue and a handle that venue and holder agreed on.
    function listAccount(bytes32 venue, bytes32 handle, address holder, uint32 thresholdBps)
        external
        onlyOwner(venue)
        returns (bytes32 commitment)
    {
        if (thresholdBps == 0 || thresholdBps >= THRESHOLD_LIMIT) revert ThresholdOutOfRange();
        commitment = accountCommitment(venue, handle);
        if (accounts[commitment].venue != 0) revert AccountExists();
        accounts[commitment] = Account(venue, holder, uint24(thresholdBps), 0, 0, false, false);
        emit AccountListed(venue, commitment, holder, thresholdBps);
    }

    /// @notice Takes a proof about an account: with verdict 1 it is solvent as of that epoch, with verdict 0 the
    ///         liquidation flag is up until a later epoch's proof lowers it.
    /// @param statement verdict, riskRoot, paramsRoot, bookRoot, thresholdBps, context
    function submitAccountProof(
        bytes32 commitment,
        uint32 number,
        uint256[6] calldata statement,
        uint256[8] calldata proof
    ) external {
        Account storage account = accounts[commitment];
        bytes32 venue = account.venue;
        if (venue == 0) revert UnknownAccount();
        address owner = venues[venue].owner;
        if (owner == address(0) || (msg.sender != account.holder && msg.sender != owner)) revert NotHolderNorOwner();
        Epoch memory epoch = epochs[venue][number];
        if (epoch.digest == 0) revert EpochNotProven();
        if (number <= account.epoch) revert NotNewer();
        _requireFresh(venue, epoch.asOfMs);
        _requireInForce(venue, epoch.oraclesRoot, epoch.paramsRoot, epoch.asOfMs);
        if (statement[0] > 1) revert StatementMismatch(0);
        if (statement[1] != epoch.riskRoot) revert StatementMismatch(1);
        if (statement[2] != epoch.paramsRoot) revert StatementMismatch(2);
        if (statement[3] != epoch.bookRoot) revert StatementMismatch(3);
        if (statement[4] != account.thresholdBps) revert StatementMismatch(4);
        if (statement[5] != _accountContext(venue, epoch.digest, commitment)) revert StatementMismatch(5);
        accountVerifier.requireValid(proof, statement);
        bool clears = statement[0] == 1;
        bool flagged = account.flagged;
        bool byVenue = msg.sender == owner;
        (account.epoch, account.byVenue, account.flagged) = (number, byVenue, !clears);
        ++account.nonce;
        emit AccountProven(commitment, number, clears, byVenue);
        if (!clears && !flagged) emit LiquidationFlagRaised(commitment, number);
        if (clears && flagged) emit LiquidationFlagLowered(commitment, number);
    }

    /// @notice Whether the newest proof about this account says that it clears its threshold, rests on what is still in
    ///         force, and is of a snapshot no older than `maxAgeMs`.
    function isSolvent(bytes32 commitment, uint256 maxAgeMs) external view returns (bool) {
        Account memory account = accounts[commitment];
        if (account.epoch == 0 || account.flagged || venues[account.venue].owner == address(0)) return false;
        Epoch memory epoch = epochs[account.venue][account.epoch];
        return _ageMs(epoch.asOfMs) <= maxAgeMs
            && _inForce(oraclesInForce[account.venue][epoch.oraclesRoot], epoch.asOfMs)
            && _inForce(paramsInForce[account.venue][epoch.paramsRoot], epoch.asOfMs);
    }

    /// @notice The challenge that the account's next proof has to answer.
    function challenge(bytes32 commitment) public view returns (string memory) {
        return string.concat(
            "zkm2m registry v1, chain ",
            _decimal(block.chainid),
            ", contract 0x",
            _hexadecimal(uint160(address(this)), 40),
            ", account 0x",
            _hexadecimal(uint256(commitment), 64),
            ", nonce ",
            _decimal(accounts[commitment].nonce)
        );
    }

    function accountCommitment(bytes32 venue, bytes32 handle) public pure returns (bytes32) {
        return sha256(abi.encodePacked(venue, handle));
    }

    // ----------------------------------------------------------------------------------------------------- private

    function _requireCircuit(address verifier, string memory kind) private view returns (bool) {
        string memory circuit = string.concat(kind, PROFILE);
        if (keccak256(bytes(ICircuit(verifier).CIRCUIT())) != keccak256(bytes(circuit))) revert WrongVerifier(circuit);
        return ICircuit(verifier).DEVELOPMENT_KEY();
    }

    function _ageMs(uint256 timeMs) private view returns (uint256) {
        uint256 nowMs = block.timestamp * 1000;
        return nowMs > timeMs ? nowMs - timeMs : 0;
    }

    function _requireFresh(bytes32 venue, uint256 timeMs) private view {
        if (timeMs > block.timestamp * 1000 + SKEW_MS) revert FromTheFuture(timeMs);
        uint256 ageMs = _ageMs(timeMs);
        if (ageMs > venues[venue].maxAgeMs) revert Stale(ageMs);
    }

    function _inForce(Validity memory validity, uint256 timeMs) private pure returns (bool) {
        return validity.fromMs <= timeMs && timeMs < validity.untilMs;
    }

    function _requireInForce(bytes32 venue, uint256 oraclesRoot, uint256 paramsRoot, uint256 timeMs) private view {
        if (!_inForce(oraclesInForce[venue][oraclesRoot], timeMs)) revert OraclesNotInForce(oraclesRoot);
        if (!_inForce(paramsInForce[venue][paramsRoot], timeMs)) revert ParamsNotInForce(paramsRoot);
    }

    /// Returns how many proofs the level has already; merges are those of any level above the batches.
    function _requireRoom(OpenEpoch storage epoch, bool merging, uint256 width, uint256 count)
        private
        view
        returns (uint256)
    {
        if (epoch.record.digest == 0) revert NoOpenEpoch();
        if ((epoch.level != 0) != merging) revert WrongLevel();
        if (epoch.done + count > width) revert TooManyProofs();
        return epoch.done;
    }

    /// Notes that `done` of the level's `width` proofs hold: a full level is followed by the next, or ends the epoch.
    function _advance(bytes32 venue, OpenEpoch storage epoch, uint256 done, uint256 width) private {
        if (done < width) {
            epoch.done = uint32(done);
        } else if (width > 1) {
            (epoch.level, epoch.width, epoch.done) = (epoch.level + 1, uint32(width), 0);
        } else {
            _close(venue, epoch);
        }
    }

    function _close(bytes32 venue, OpenEpoch storage epoch) private {
        Record memory record = epoch.record;
        uint256 totals = _totals[venue][0];
        epochs[venue][record.number] = Epoch({
            digest: record.digest,
            bookRoot: record.bookRoot,
            riskRoot: record.riskRoot,
            paramsRoot: record.paramsRoot,
            oraclesRoot: epoch.oraclesRoot,
            totals: totals,
            asOfMs: epoch.asOfMs,
            accountCount: record.accountCount,
            thresholdBps: record.thresholdBps
        });
        (venues[venue].lastEpoch, venues[venue].lastDigest) = (record.number, record.digest);
        delete openEpochs[venue];
        emit EpochProven(venue, record.number, record.digest, record.bookRoot, totals);
    }

    /// SHA-256 over parts behind their lengths, cut to 248 bits: `epoch_context` of rtnet_core/epoch.py.
    function _epochContext(bytes32 venue, uint32 number, bytes32 previous) private pure returns (uint256) {
        bytes memory last = previous == 0 ? bytes("") : abi.encodePacked(previous);
        bytes32 digest = sha256(
            abi.encodePacked(
                uint64(11), "zkm2m/epoch", uint64(32), venue, uint64(4), number, uint64(last.length), last
            )
        );
        return uint256(digest) >> 8;
    }

    /// `context_field` of rtnet_core/statement.py.
    function _accountContext(bytes32 venue, bytes32 record, bytes32 commitment) private view returns (uint256) {
        bytes memory asked = bytes(challenge(commitment));
        bytes32 digest = sha256(
            abi.encodePacked(
                uint64(13), "zkm2m/context", uint64(32), venue, uint64(32), record, uint64(asked.length), asked
            )
        );
        return uint256(digest) >> 8;
    }

    function _decimal(uint256 number) private pure returns (string memory) {
        uint256 length = 1;
        for (uint256 rest = number / 10; rest != 0; rest /= 10) ++length;
        bytes memory digits = new bytes(length);
        for (uint256 place = length; place != 0; --place) {
            digits[place - 1] = bytes1(uint8(48 + number % 10));
            number /= 10;
        }
        return string(digits);
    }

    function _hexadecimal(uint256 number, uint256 length) private pure returns (string memory) {
        bytes memory digits = new bytes(length);
        for (uint256 place = length; place != 0; --place) {
            digits[place - 1] = bytes16("0123456789abcdef")[number & 15];
            number >>= 4;
        }
        return string(digits);
    }
}
