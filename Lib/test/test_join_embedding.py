"""A C program that links libpython3.11-async.a has the whole interpreter."""

import os
import unittest

from join_support import BUILD, OUR_LIBRARY, PROGRAM, JoinTestCase, run

EMBED = os.path.join(BUILD, "build", "Tools", "embedding", "embed")


class EmbeddingTests(JoinTestCase):
    """The program of Tools/embedding, which `make test` builds."""

    def setUp(self):
        if not os.path.exists(EMBED):
            self.fail(f"{EMBED} is missing; run: make test-programs")

    def test_start_run_await_end_twice(self):
        outcome = run(EMBED, PROGRAM)
        self.assertEqual(outcome.errors, "")
        self.assertEqual(outcome.status, 0)
        self.assertEqual(outcome.output,
                         f"42 1 {OUR_LIBRARY}\nsubinterpreter\n"
                         f"42 2 {OUR_LIBRARY}\nsubinterpreter\n")

    def test_failure_is_told(self):
        outcome = run(EMBED, "/nowhere/bin/python")
        self.assertNotEqual((outcome.status, outcome.errors), (0, ""))


if __name__ == "__main__":
    unittest.main()
