// Computes one witness with the C++ program that circom makes of a circuit (its option --c), and ends.
//
// Usage: PROGRAM CIRCUIT.dat
// Input: for each signal the 64-bit FNV-1a hash of its name, the number of its elements in 64 bits, and the elements in
//        row-major order, each 32 bytes; all little-endian. Every element is below the field order.
// Output: the .wtns file, exit code 0; or one line and exit code
//   3   TEMPLATE LINE: the constraint there does not hold
//   4   a word: what is wrong with the input or the files
// No input and no witness value is ever printed, and no core file is left. Compiled without NDEBUG: circom's code checks
// the constraints by assert().

#include <fcntl.h>
#include <gmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "calcwit.hpp"
#include "circom.hpp"

extern void run(Circom_CalcWit *context);
uint get_main_input_signal_no();

namespace {

const size_t FIELD_BYTES = Fr_N64 * 8;
const int VIOLATED = 3;
const int UNUSABLE = 4;

int answer_file;             // the real standard output: circom's code sees another one
std::ostringstream printed;  // what circom's code prints of a constraint that does not hold

void answer(const char *content, size_t length) {
    while (length > 0) {
        ssize_t written = write(answer_file, content, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) _exit(UNUSABLE);
        content += written;
        length -= written;
    }
}

[[noreturn]] void end(int code, const std::string &line) {
    answer(line.data(), line.size());
    _exit(code);  // without destructors: the memory goes back to the system at once
}

// Circom's code prints "... in template/function NAME line NUMBER. ..." and asserts.
std::string place_of_failure() {
    const std::string text = printed.str(), before = "template/function ", between = " line ";
    size_t name = text.rfind(before);
    if (name == std::string::npos) return "";
    name += before.size();
    size_t line = text.find(between, name);
    if (line == std::string::npos) return "";
    size_t stop = text.find_first_not_of("0123456789", line + between.size());
    if (stop == std::string::npos) return "";
    return text.substr(name, line - name) + " " + text.substr(line + between.size(), stop - line - between.size());
}

std::vector<char> read_input() {
    std::vector<char> content(1 << 16);
    size_t held = 0;
    for (;;) {
        if (held == content.size()) content.resize(2 * held);
        ssize_t got = read(STDIN_FILENO, content.data() + held, content.size() - held);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) end(UNUSABLE, "input_unreadable");
        if (got == 0) break;
        held += got;
    }
    content.resize(held);
    return content;
}

// Bytes that are taken from the front; too few end the program.
struct Reader {
    const char *at;
    size_t left;
    const char *shortage;

    const char *take(size_t count) {
        if (count > left) end(UNUSABLE, shortage);
        const char *taken = at;
        at += count;
        left -= count;
        return taken;
    }

    template <typename T>
    T number() {
        T value;
        memcpy(&value, take(sizeof value), sizeof value);
        return value;
    }
};

Reader map_file(const char *name) {
    int file = open(name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0 || status.st_size == 0) end(UNUSABLE, "data_unreadable");
    // Circom's code gets pointers that are not const, so the pages are private.
    void *content = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (content == MAP_FAILED) end(UNUSABLE, "data_unreadable");
    close(file);
    return {static_cast<const char *>(content), static_cast<size_t>(status.st_size), "data_too_short"};
}

template <typename T>
T *table(Reader &data, size_t length) {
    return reinterpret_cast<T *>(const_cast<char *>(data.take(length * sizeof(T))));
}

IOFieldDefPair fields(Reader &data) {
    IOFieldDefPair pair;
    pair.len = data.number<u32>();
    pair.defs = new IOFieldDef[pair.len];
    for (u32 number = 0; number < pair.len; number++) {
        IOFieldDef &field = pair.defs[number];
        field.offset = data.number<u32>();
        field.len = data.number<u32>();
        field.lengths = table<u32>(data, field.len);
        field.size = data.number<u32>();
        field.busId = data.number<u32>();
    }
    return pair;
}

// The tables of a .dat file, in their order; the large ones are used where they lie.
Circom_Circuit *read_circuit(Reader data) {
    Circom_Circuit *circuit = new Circom_Circuit;
    circuit->InputHashMap = table<HashSignalInfo>(data, get_size_of_input_hashmap());
    circuit->witness2SignalList = table<u64>(data, get_size_of_witness());
    circuit->circuitConstants = table<FrElement>(data, get_size_of_constants());
    circuit->busInsId2FieldInfo = NULL;
    uint templates = get_size_of_io_map();
    if (templates > 0) {
        const u32 *numbers = table<u32>(data, templates);
        for (uint entry = 0; entry < templates; entry++) {
            circuit->templateInsId2IOSignalInfo[numbers[entry]] = fields(data);
        }
        uint buses = get_size_of_bus_field_map();
        circuit->busInsId2FieldInfo = new IOFieldDefPair[buses];
        for (uint bus = 0; bus < buses; bus++) circuit->busInsId2FieldInfo[bus] = fields(data);
    }
    return circuit;
}

// Small numbers take the short form, in which circom's arithmetic is fastest.
FrElement element(const char *bytes) {
    FrElement value;
    memcpy(value.longVal, bytes, FIELD_BYTES);
    bool is_short = value.longVal[0] <= INT_MAX && !(value.longVal[1] | value.longVal[2] | value.longVal[3]);
    value.type = is_short ? Fr_SHORT : Fr_LONG;
    value.shortVal = is_short ? static_cast<int32_t>(value.longVal[0]) : 0;
    return value;
}

void set_inputs(Circom_CalcWit *context, const Circom_Circuit *circuit, Reader input) {
    const HashSignalInfo *table = circuit->InputHashMap;
    std::vector<bool> is_set(get_size_of_input_hashmap());
    size_t count = 0;
    while (input.left > 0) {
        u64 hash = input.number<u64>(), size = input.number<u64>();
        uint place = 0;  // a free place of the table has signal 0, which is the constant 1
        while (place < is_set.size() && (table[place].hash != hash || table[place].signalid == 0)) place++;
        if (place == is_set.size()) end(UNUSABLE, "unknown_signal");
        const HashSignalInfo &signal = table[place];
        if (size != signal.signalsize) end(UNUSABLE, "signal_size");
        if (is_set[place]) end(UNUSABLE, "signal_set_twice");
        is_set[place] = true;
        for (u64 index = 0; index < size; index++) {
            context->signalValues[signal.signalid + index] = element(input.take(FIELD_BYTES));
        }
        count += size;
    }
    if (count != get_main_input_signal_no()) end(UNUSABLE, "signals_missing");
}

template <typename T>
void append(std::vector<char> &file, T value) {
    const char *bytes = reinterpret_cast<const char *>(&value);
    file.insert(file.end(), bytes, bytes + sizeof value);
}

// Version 2: a header section and a section of values.
std::vector<char> witness_file(Circom_CalcWit *context) {
    const u64 wires = get_size_of_witness();
    std::vector<char> file;
    file.reserve(76 + wires * FIELD_BYTES);
    file.insert(file.end(), {'w', 't', 'n', 's'});
    for (u32 word : {2, 2, 1}) append<u32>(file, word);
    append<u64>(file, 8 + FIELD_BYTES);
    append<u32>(file, FIELD_BYTES);
    const char *order = reinterpret_cast<const char *>(Fr_q.longVal);
    file.insert(file.end(), order, order + FIELD_BYTES);
    append<u32>(file, wires);
    append<u32>(file, 2);
    append<u64>(file, wires * FIELD_BYTES);
    for (u64 wire = 0; wire < wires; wire++) {
        FrElement value;
        context->getWitness(wire, &value);
        Fr_toLongNormal(&value, &value);
        const char *bytes = reinterpret_cast<const char *>(value.longVal);
        file.insert(file.end(), bytes, bytes + FIELD_BYTES);
    }
    return file;
}

// Circom's code and the C library print to files that nobody reads; std::cout is kept for `place_of_failure`.
void redirect_output() {
    answer_file = dup(STDOUT_FILENO);
    int nowhere = open("/dev/null", O_WRONLY);
    if (answer_file < 0 || nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0) {
        _exit(UNUSABLE);
    }
    std::cout.rdbuf(printed.rdbuf());
}

}  // namespace

// In place of the C library's, which prints and aborts.
extern "C" [[noreturn]] void __assert_fail(const char *, const char *, unsigned int, const char *) throw() {
    end(VIOLATED, place_of_failure());
}

int main(int count, char *arguments[]) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    redirect_output();
    if (count != 2) end(UNUSABLE, "arguments");
    try {
        const std::vector<char> input = read_input();
        Circom_Circuit *circuit = read_circuit(map_file(arguments[1]));
        Circom_CalcWit *context = new Circom_CalcWit(circuit);
        set_inputs(context, circuit, {input.data(), input.size(), "input_too_short"});
        run(context);
        const std::vector<char> file = witness_file(context);
        answer(file.data(), file.size());
    } catch (const std::bad_alloc &) {
        end(UNUSABLE, "out_of_memory");
    }
    _exit(0);
}
