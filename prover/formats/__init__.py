"""The iden3 file formats that circom and snarkjs exchange, read strictly and written byte for byte."""
