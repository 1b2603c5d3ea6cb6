from io import BytesIO

from openpyxl.workbook import Workbook

def load_workbook(filename: BytesIO, *, data_only: bool = False) -> Workbook: ...

__all__ = ["Workbook", "load_workbook"]
