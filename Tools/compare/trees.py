"""Compare the trees of two interpreters.

    trees [options] [FILE | FOLDER]...

Both interpreters parse the same sources in the same variants; every line of their reports must be
equal. Exits with 1 if one is not, or if nothing was compared.
"""

import argparse
import os
import subprocess
import sys

from sources import default_places, find_sources

HERE = os.path.dirname(os.path.abspath(__file__))


def start(interpreter, options):
    command = [interpreter, os.path.join(HERE, 'trees_worker.py'), options.variants,
               str(options.mutations), options.seed]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            encoding='utf-8', errors='surrogateescape')


def feed(process, files):
    import threading

    def write():
        process.stdin.write('\n'.join(files))
        process.stdin.close()
    threading.Thread(target=write, daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--ours', default=os.path.join(HERE, '..', '..', 'python'))
    parser.add_argument('--stock', default='/usr/bin/python3.11')
    parser.add_argument('--variants', default='plain',
                        help='plain,type_comments,versions,flags,text,lines,encodings,modes,none')
    parser.add_argument('--mutations', type=int, default=0, help='mutated sources for each file')
    parser.add_argument('--seed', default='1')
    parser.add_argument('--every', type=int, default=1, help='take every n-th file')
    parser.add_argument('--show', type=int, default=20)
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    files = list(find_sources(options.names or default_places()))[::options.every]
    reports = []
    for interpreter in (options.ours, options.stock):
        process = start(interpreter, options)
        feed(process, files)
        reports.append(process)
    compared = accepted = different = 0
    for ours, stock in zip(*(process.stdout for process in reports)):
        compared += 1
        accepted += '\ttree ' in stock
        if ours != stock:
            different += 1
            if different <= options.show:
                sys.stdout.write(f'ours:  {ours}stock: {stock}')
    failed = [process.wait() for process in reports]
    print(f'{len(files)} files, {compared} sources compared, {accepted} of them valid, '
          f'{different} different')
    rest = [process.stdout.read() for process in reports]
    return 1 if different or not compared or any(failed) or any(rest) else 0
