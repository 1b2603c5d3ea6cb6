class Cell:
    row: int
    coordinate: str
    data_type: str
    value: object
    number_format: str
