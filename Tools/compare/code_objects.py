"""Compares what two interpreters make of the same sources.

    code --stock PYTHON --ours PYTHON [options] [FILE | FOLDER] ...

By default the standard library and the packages of the distribution are compared.

Every source is compiled from text and from its tree, at every optimization level, and everything
that a code object tells is compared, code objects inside of it included; so are errors and
warnings.  The first field that differs is shown, for instructions side by side.

The exit status is 1 when anything differs.  Sources that neither interpreter compiles are counted
apart, those that cannot be read as well.
"""

import argparse
import codecs
import dis
import os
import pickle
import subprocess
import sys
import types

from mutate import mutate
from sources import default_places, find_sources

ALLOW_AWAIT = 0x2000   # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
HERE = os.path.dirname(os.path.abspath(__file__))


class Interpreter:
    def __init__(self, command, x_options):
        self.command = command
        self.options = [f'-X{option}' for option in x_options]
        self.process = None

    def start(self):
        # The order of a set constant depends on the hashes.
        self.process = subprocess.Popen(
            [self.command, '-B', *self.options, os.path.join(HERE, 'code_worker.py')],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, 'PYTHONHASHSEED': '0'})

    def send(self, job, wants_all=False):
        if self.process is None:
            self.start()
        try:
            pickle.dump((wants_all, job), self.process.stdin, protocol=4)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def receive(self):
        try:
            return pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError):
            status = self.process.wait()
            self.process = None
            return 'crash', status


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def jobs_of(source, path, options):
    for optimize in options.optimize:
        for from_tree in options.trees:
            yield (source, path, options.mode, options.flags, optimize, from_tree,
                   options.warnings)


def mutated_jobs(source, path, options):
    try:
        text = source.decode()
    except UnicodeDecodeError:
        return
    for number in range(options.mutations):
        changed = mutate(text, f'{options.seed}:{os.path.basename(path)}:{number}')
        optimize = options.optimize[number % len(options.optimize)]
        yield (changed.encode(errors='surrogatepass'), path, options.mode, options.flags,
               optimize, options.trees[number % len(options.trees)], options.warnings)


FUZZ_MODES = ('exec', 'eval', 'single', 'exec')


def corpus_jobs(path, options):
    """What the fuzzer found worth keeping: a byte that chooses, as in fuzz_compile.c, a source."""
    with open(path, 'rb') as file:
        for line in file.read().splitlines():
            choice, *source = codecs.escape_decode(line)[0]
            flags = (ALLOW_AWAIT if choice & 4 else 0) | (0x1000000 if choice & 8 else 0)
            for from_tree in options.trees:
                yield (bytes(source), '<corpus>', FUZZ_MODES[choice & 3], flags,
                       (choice >> 4 & 3) % 3, from_tree, options.warnings)


# ---- Showing a difference ----

def listing(code_bytes, constants, names):
    lines = []
    extended = 0
    for offset in range(0, len(code_bytes), 2):
        opcode, argument = code_bytes[offset], code_bytes[offset + 1]
        name = dis.opname[opcode]
        if name == 'CACHE':
            continue
        argument |= extended
        extended = argument << 8 if name == 'EXTENDED_ARG' else 0
        note = ''
        if opcode in dis.hasconst and argument < len(constants):
            note = str(constants[argument])[:30]
        elif opcode in dis.hasname:
            index = argument >> 1 if name == 'LOAD_GLOBAL' else argument
            note = names[index] if index < len(names) else '?'
        lines.append(f'{offset:5} {name:28} {argument:5} {note}')
    return lines


def side_by_side(left, right, context=6):
    first = next((i for i, pair in enumerate(zip(left, right)) if pair[0] != pair[1]),
                 min(len(left), len(right)))
    for i in range(max(0, first - context), first + 2 * context):
        one = left[i] if i < len(left) else ''
        other = right[i] if i < len(right) else ''
        print(f'    {one:64.64} {"|" if one == other else "#"} {other:64.64}')


def positions(fields):
    code = (lambda: 0).__code__
    template = code.replace(co_code=fields['co_code'], co_linetable=fields['co_linetable'],
                            co_firstlineno=fields['co_firstlineno'], co_consts=(),
                            co_stacksize=1)
    opcodes = fields['co_code']
    return [f'{2 * i:5} {dis.opname[opcodes[2 * i]]:28} {place}'
            for i, place in enumerate(template.co_positions())
            if dis.opname[opcodes[2 * i]] != 'CACHE']


def handlers(fields):
    fake = types.SimpleNamespace(co_exceptiontable=fields['co_exceptiontable'])
    return [str(entry) for entry in dis._parse_exception_table(fake)]


def show_code(stock, ours, path):
    """Shows the innermost difference; true when there was one."""
    left, right = dict(stock[1]), dict(ours[1])
    name = f'{path}{left["co_qualname"]}:{left["co_firstlineno"]}'
    inner = [(a, b) for a, b in zip(left['co_consts'], right['co_consts'])
             if a[0] == 'code' and b[0] == 'code']
    for field in left:
        if left[field] == right[field] or field == 'co_consts':
            continue
        print(f'  {name}: {field} differs')
        if field == 'co_code':
            side_by_side(listing(left[field], left['co_consts'], left['co_names']),
                         listing(right[field], right['co_consts'], right['co_names']))
        elif field == 'co_linetable':
            side_by_side(positions(left), positions(right))
        elif field == 'co_exceptiontable':
            side_by_side(handlers(left), handlers(right))
        else:
            print(f'    stock: {left[field]!r}\n    ours:  {right[field]!r}')
        return True
    for a, b in inner:
        if a != b and show_code(a, b, path):
            return True
    if left['co_consts'] != right['co_consts']:
        print(f'  {name}: co_consts differ')
        side_by_side([str(c)[:60] for c in left['co_consts']],
                     [str(c)[:60] for c in right['co_consts']])
        return True
    return False


def show(stock, ours):
    if 'crash' in (stock[0], ours[0]):
        print(f'  stock: {stock if stock[0] == "crash" else "answers"}')
        print(f'  ours:  {ours if ours[0] == "crash" else "answers"}')
        return
    (left, left_warnings), (right, right_warnings) = stock, ours
    if left[0] == right[0] == 'code':
        if left != right and show_code(left, right, ''):
            return
    elif left != right:
        for who, result in (('stock', left), ('ours', right)):
            print(f'  {who + ":":6} {"compiles" if result[0] == "code" else result}')
        return
    print(f'  stock: {left_warnings}\n  ours:  {right_warnings}')


# ---- Running ----

class Comparison:
    def __init__(self, options):
        self.options = options
        self.stock = Interpreter(options.stock, options.x)
        self.ours = Interpreter(options.ours, options.x)
        self.sources = self.jobs = self.errors = self.differences = self.unreadable = 0
        self.awaits_inside = 0

    def both(self, job):
        self.stock.send(job)
        self.ours.send(job)
        return self.stock.receive(), self.ours.receive()

    def compare(self, job):
        left, right = self.both(job)
        self.jobs += 1
        self.errors += not left[0]
        if left == right and left[0] != 'crash':
            return True
        if self.awaits_only_inside(job):
            self.awaits_inside += 1
            return True
        self.differences += 1
        if self.differences <= self.options.show:
            self.report(job)
        return False

    def awaits_only_inside(self, job):
        """Whether stock makes a module a coroutine without need, as ours on purpose does not.

        That is so for a generator expression that awaits: its source compiles without the flag that
        allows await, and then to the same code.
        """
        flags = job[3]
        if not flags & ALLOW_AWAIT:
            return False
        left, right = self.both((*job[:3], flags & ~ALLOW_AWAIT, *job[4:]))
        return left == right and left[0] is True

    def report(self, job):
        print(f'{job[1]} mode={job[2]} flags={job[3]:#x} optimize={job[4]} '
              f'{"tree" if job[5] else "text"}')
        self.stock.send(job, wants_all=True)
        self.ours.send(job, wants_all=True)
        show(self.stock.receive(), self.ours.receive())
        if self.options.keep:
            name = os.path.join(self.options.keep, f'{self.differences}.py')
            with open(name, 'wb') as file:
                file.write(job[0] if isinstance(job[0], bytes) else job[0].encode())
        sys.stdout.flush()

    def jobs_for(self, source, path):
        if self.options.corpus:
            return corpus_jobs(path, self.options)
        make = mutated_jobs if self.options.mutations else jobs_of
        return make(source, path, self.options)

    def run(self, places):
        for path in find_sources(places):
            try:
                source = read(path)
            except OSError:
                self.unreadable += 1
                continue
            self.sources += 1
            for job in self.jobs_for(source, path):
                if not self.compare(job) and not (self.options.mutations or self.options.corpus):
                    break
            if self.differences >= self.options.stop:
                break


def levels(text):
    return [int(level) for level in text.split(',')]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('places', nargs='*', default=default_places())
    parser.add_argument('--stock', default='/usr/bin/python3.11')
    parser.add_argument('--ours', required=True)
    parser.add_argument('--optimize', type=levels, default=[0, 1, 2], metavar='LEVEL,...')
    parser.add_argument('--text-only', dest='trees', action='store_const', const=[False],
                        default=[False, True])
    parser.add_argument('--mode', default='exec')
    parser.add_argument('--flags', type=lambda text: int(text, 0), default=0)
    parser.add_argument('--warnings', default='always', choices=('always', 'error', 'ignore'))
    parser.add_argument('--mutations', type=int, default=0,
                        help='compare so many changed versions of each source instead')
    parser.add_argument('-X', dest='x', action='append', default=[], help='for both')
    parser.add_argument('--corpus', action='store_true',
                        help="the files are a fuzzer's corpus, a source in each line")
    parser.add_argument('--seed', default='0')
    parser.add_argument('--show', type=int, default=20, help='differences to show')
    parser.add_argument('--stop', type=int, default=1000, help='differences to stop after')
    parser.add_argument('--keep', help='folder for the sources that differ')
    return parser.parse_args()


def main():
    options = parse_arguments()
    comparison = Comparison(options)
    comparison.run(options.places)
    print(f'{comparison.sources} sources, {comparison.jobs} compiled, '
          f'{comparison.errors} of them errors in stock, {comparison.unreadable} unreadable: '
          f'{comparison.awaits_inside} coroutines in stock that await only inside a generator '
          f'expression, {comparison.differences} differences')
    return comparison.differences > 0
