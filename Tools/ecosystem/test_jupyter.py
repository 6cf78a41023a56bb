"""Jupyter: the kernel of this interpreter, its installation, a notebook, the page in a browser."""

import json
import os
import tempfile
import unittest

from places import KERNELS, PATIENCE, PYTHON, PlaceTestCase, clean_environment
from servers import Server, answers, free_port, wait_until

CELLS = (
    "import asyncio, sys\n"
    "hasattr(sys, 'awaithook')",
    "beats = asyncio.Queue()\n"
    "async def beat():\n"
    "    for number in range(3):\n"
    "        print('background', number)\n"
    "        await beats.put(number)\n"
    "        await asyncio.sleep(0)\n"
    "task = asyncio.create_task(beat())",
    "print([await beats.get() for _ in range(3)])",
    "async with asyncio.timeout(60):\n"
    "    print('awaited', await asyncio.sleep(0, 6 * 7))",
)


class NotebookServer(Server):
    """Jupyter's notebook, for one browser on this machine."""

    def __init__(self, environment):
        super().__init__()
        self._environment = environment

    def start(self):
        self.port = free_port()
        self.process = self.spawn(
            "jupyter-notebook", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}",
            "--port-retries=0", "--allow-root", "--NotebookApp.token=", "--NotebookApp.password=",
            f"--notebook-dir={self.folder}", cwd=self.folder, env=self._environment)
        wait_until(lambda: answers(self.port), "the notebook's server accepts connections")


class Jupyter(PlaceTestCase):
    title = "Jupyter"
    packages = ("python3-ipykernel", "python3-nbclient", "jupyter-notebook", "chromium")

    def test_kernel_is_installed_by_one_command(self):
        with tempfile.TemporaryDirectory() as prefix:
            self.run_program("-m", "ipykernel", "install", "--prefix", prefix, "--name",
                             "python-async", "--display-name", "Python 3.11 (awaits)")
            path = os.path.join(prefix, "share", "jupyter", "kernels", "python-async", "kernel.json")
            with open(path, encoding="utf-8") as file:
                kernelspec = json.load(file)
        self.assertEqual(os.path.realpath(kernelspec["argv"][0]), os.path.realpath(PYTHON))

    def test_kernelspec_that_is_installed_with_the_interpreter(self):
        path = os.path.join(os.path.dirname(PYTHON), "build", "Misc", "kernelspec", "kernel.json")
        with open(path, encoding="utf-8") as file:
            kernelspec = json.load(file)
        KERNELS["installed"] = PYTHON
        self.addCleanup(KERNELS.pop, "installed")
        # But for its path it is what ipykernel writes.
        self.assertEqual(kernelspec["argv"][1:], ["-m", "ipykernel_launcher", "-f", "{connection_file}"])

    def test_notebook(self):
        written = self.run_notebook(CELLS)
        self.assertEqual("".join(written[1:3]).count("background"), 3)
        self.assertTrue(written[2].endswith("[0, 1, 2]\n"))
        self.assertEqual(written[3], "awaited 42\n")

    def test_failure_in_a_cell(self):
        """An error is shown by the cell's frames, and the kernel goes on."""
        import nbclient

        with self.assertRaises(nbclient.exceptions.CellExecutionError) as caught:
            self.run_notebook(["import asyncio\nasync def fail():\n    await asyncio.sleep(0)\n    1/0",
                               "await fail()"])
        self.assertIn("ZeroDivisionError: division by zero", str(caught.exception))

    def test_interrupted_cell(self):
        """What the kernel's client calls an interrupt ends the cell, and nothing else."""
        from jupyter_client import KernelManager

        self.kernelspec("here", PYTHON)
        os.environ["JUPYTER_PATH"] = os.path.join(self.home, "jupyter")
        self.addCleanup(os.environ.pop, "JUPYTER_PATH")
        manager = KernelManager(kernel_name="here")
        manager.start_kernel(env=clean_environment(**self.variables))
        self.addCleanup(manager.shutdown_kernel, now=True)
        client = manager.client()
        client.start_channels()
        self.addCleanup(client.stop_channels)
        client.wait_for_ready(timeout=PATIENCE)
        # One that awaits instead of computing cannot be interrupted with this ipykernel, as on
        # stock.
        client.execute("print('begins')\nwhile True: pass", stop_on_error=False)
        self.next_message(client, "stream")
        manager.interrupt_kernel()
        self.assertEqual(self.next_message(client, "error")["content"]["ename"],
                         "KeyboardInterrupt")
        reply = client.execute_interactive("import asyncio\nprint(await asyncio.sleep(0, 42))",
                                           timeout=PATIENCE, output_hook=lambda message: None)
        self.assertEqual(reply["content"]["status"], "ok")

    @staticmethod
    def next_message(client, kind):
        """Return the next message of a kind that the kernel publishes."""
        while True:
            message = client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == kind:
                return message

    def test_page(self):
        """The notebook itself, in a browser: cells await, a background task prints."""
        import nbformat.v4 as form
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        from selenium.webdriver.support.ui import WebDriverWait

        self.kernelspec("here", PYTHON)
        notebook = form.new_notebook(
            cells=[form.new_code_cell(source) for source in CELLS],
            metadata={"kernelspec": {"name": "here", "display_name": "here", "language": "python"}})
        environment = clean_environment(**self.variables)
        with NotebookServer(environment) as server:
            with open(os.path.join(server.folder, "page.ipynb"), "w", encoding="utf-8") as file:
                json.dump(notebook, file)
            options = webdriver.ChromeOptions()
            options.binary_location = "/usr/bin/chromium"
            for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           "--disable-background-networking", "--disable-component-update",
                           "--disable-sync", "--no-first-run", "--no-proxy-server",
                           "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                           f"--user-data-dir={os.path.join(self.home, 'browser')}"):
                options.add_argument(option)
            browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver", env=environment),
                                       options=options)
            try:
                browser.get(f"http://127.0.0.1:{server.port}/notebooks/page.ipynb")
                wait = WebDriverWait(browser, PATIENCE)
                wait.until(lambda _: browser.execute_script(
                    "return !!(window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel "
                    "&& Jupyter.notebook.kernel.is_connected())"))
                browser.execute_script("Jupyter.notebook.execute_all_cells()")

                def shown(_):
                    return browser.execute_script(
                        "return Array.from(document.querySelectorAll('.output_area'))"
                        ".map(area => area.innerText).join('\\n')")

                wait.until(lambda _: "awaited 42" in shown(_))
                text = shown(None)
                screenshot = os.environ.get("ECOSYSTEM_SCREENSHOT")
                if screenshot:
                    browser.save_screenshot(screenshot)
                browser.execute_script("Jupyter.notebook.session.delete()")
            finally:
                browser.quit()
        self.assertIn("True", text)
        self.assertIn("background 2", text)
        self.assertIn("[0, 1, 2]", text)


if __name__ == "__main__":
    unittest.main()
