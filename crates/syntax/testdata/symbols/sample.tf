resource "aws_instance" "web" { ami = "x" 
 ebs { size = 1 } }
variable "region" { default = "x" }
locals { name = "a" }
module "m" { source = "x" }
